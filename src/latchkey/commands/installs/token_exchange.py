"""Exchanges long-lived tokens, for `latchkey installs check --exchange`; results never contain a token."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

from latchkey.commands.terminal import print_table, say
from latchkey.config import Settings
from latchkey.errors import LatchkeyError, plural
from latchkey.storage import CommandStore, InstalledWorkspace, TokenId
from latchkey.tokens import Exchanged, exchange_tokens


def exchange_all(store: CommandStore, workspaces: Iterable[InstalledWorkspace], settings: Settings) -> Exchanged:
    """Exchange each long-lived token of these workspaces; raises LatchkeyError if the app has no token rotation."""
    if not settings.slack.token_rotation:
        raise LatchkeyError(
            "[slack] token_rotation is false, so no token was exchanged",
            hint="turn token rotation on at Slack and in config.toml; see docs/token-rotation.md",
        )
    credentials = settings.require_slack(signing=False)
    return asyncio.run(
        exchange_tokens(
            store.tokens,
            list(_token_ids(workspaces)),
            api_url=settings.slack.api_url,
            client_id=credentials.client_id,
            client_secret=credentials.client_secret.reveal(),
            proxy_for=settings.proxies.arguments,
        )
    )


def exchange_to_json(result: Exchanged) -> dict[str, Any]:
    failed = [
        {"team_id": token_id.key.team_id, "enterprise_id": token_id.key.enterprise_id, "user_id": token_id.user_id}
        | {"reason": reason}
        for token_id, reason in result.failed
    ]
    return {"exchange": {"exchanged": result.exchanged, "failed": failed, "complete": result.complete}}


def print_exchange(result: Exchanged | None) -> None:
    """Print the result for people; nothing if there was no exchange."""
    if result is None:
        return
    say(f"{plural(result.exchanged, 'token')} exchanged")
    if result.failed:
        say("not exchanged; they stay valid:")
        rows = [
            (token_id.key.team_id or token_id.key.enterprise_id, token_id.user_id or "bot", reason)
            for token_id, reason in result.failed
        ]
        print_table(("workspace", "token of", "reason"), rows)
    if not result.complete:
        say("Slack does not answer, so the remaining tokens were not exchanged; run the command again later")


def _token_ids(workspaces: Iterable[InstalledWorkspace]) -> Iterator[TokenId]:
    """Yield the tokens that do not expire."""
    for workspace in workspaces:
        if workspace.bot is not None and workspace.bot.bot_token_expires_at is None:
            yield TokenId(workspace.key)
        for installer in workspace.installers:
            if installer.user_token and installer.user_token_expires_at is None:
                yield TokenId(workspace.key, installer.user_id)
