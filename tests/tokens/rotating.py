"""A store, a refresher and a simulated Slack with token rotation, all on one clock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slack_sdk.oauth.installation_store import Installation

from latchkey.simulator import Slack
from latchkey.slackapi.client import WebClients
from latchkey.slackapi.token_calls import TokenCalls
from latchkey.storage import Store, TokenId, TokenPair, WorkspaceKey, open_store
from latchkey.tokens import Refresher
from tests.support.clocks import Clock
from tests.tokens.issuing import save_pairs

HOUR = 3600.0


async def short_sleep(_seconds: float) -> None:
    await asyncio.sleep(0.002)


def start_slack(**options: Any) -> Slack:
    """Return a running simulated Slack with token rotation, with `options` of its constructor."""
    slack = Slack(
        client_id="1.2",
        client_secret="sentinel-secret",
        signing_secret="x",
        redirect_uris=[],
        events_url="",
        token_rotation=True,
        **options,
    )
    slack.start()
    return slack


@dataclass
class Rotating:
    """`bot` and `user` name the tokens of the workspace that is installed first."""

    slack: Slack
    store: Store
    clock: Clock
    calls: TokenCalls
    refresher: Refresher
    slept: list[float] = field(default_factory=list)
    bot = TokenId(WorkspaceKey("", "T1"))
    user = TokenId(WorkspaceKey("", "T1"), "U1")

    def install(self, team_id: str = "T1", user_id: str = "U1", *, bot: bool = True, user: bool = True) -> Installation:
        """Issue new pairs as Slack does, and save them."""
        return save_pairs(self.slack, self.store, team_id, user_id, self.clock(), bot=bot, user=user)

    def pair(self, token_id: TokenId) -> TokenPair:
        found = self.store.tokens.pair(token_id)
        assert found is not None
        return found

    def sent(self) -> list[int]:
        """Return how often each refresh token was sent, if it was."""
        return [refresh.sent for refresh in self.slack.world.refresh_tokens.values() if refresh.sent]

    def is_valid(self, token: str | None) -> bool:
        return token is not None and self.slack.world.tokens[token].is_live(self.clock())

    def refresher_for(self, store: Store) -> Refresher:
        """Return a refresher on another open store."""
        return Refresher(store.tokens, self.calls, clock=self.clock, sleep=short_sleep)


@asynccontextmanager
async def rotating(folder: Path) -> AsyncIterator[Rotating]:
    clock = Clock(1_800_000_000.0)
    slack = start_slack(clock=clock)
    store = open_store(folder / "data" / "store.sqlite", folder / "keys" / "keyring", clock=clock)
    async with WebClients(api_url=slack.api_url) as web:
        calls = TokenCalls(web, client_id="1.2", client_secret=lambda: "sentinel-secret")
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            await short_sleep(seconds)

        refresher = Refresher(store.tokens, calls, clock=clock, sleep=sleep)
        yield Rotating(slack, store, clock, calls, refresher, slept)
    store.close()
    await slack.close()
