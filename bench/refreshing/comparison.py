"""Events of many people in one workspace arrive at once, just after the bot's token and each person's have expired.

Meanwhile, a script beside the server uses the same tokens.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from slack_sdk.oauth.installation_store import Installation
from slack_sdk.oauth.installation_store.sqlite3 import SQLite3InstallationStore

from bench.load import SERVER_CPU
from bench.peer import PEERS, Peer, RunningPeer, ours, started
from bench.traffic import SIGNING_SECRET
from latchkey.simulator import Slack, Token
from latchkey.storage import open_store

CLIENT_ID = "1.2"
CLIENT_SECRET = "bench-client-secret"
EXPIRED_SECONDS = 60.0
"""How long the tokens have been expired when the events arrive."""
FINISH_SECONDS = 30.0
"""Maximum time after the last response until the listeners have run."""


@dataclass(frozen=True)
class Subject:
    """A server to compare."""

    peer: Peer
    script: Sequence[str]
    """The command of the script beside it; FOLDER is replaced, and the people are added."""
    find: Callable[[RunningPeer, str], Installation | None]
    """Called with the running server and a person; returns the installation in the server's store."""


@dataclass(frozen=True)
class Refreshed:
    """The results of one server. Each number should be 0, except the first three."""

    events: int
    acknowledged: int
    listeners_run: int
    """Events whose listener posted a message with the bot's token."""
    without_user_token: int
    """Those of them whose listener had no token of the person, who has granted one."""
    script_failures: int
    """Tokens that the script beside the server could not use."""
    refresh_tokens_sent_twice: int
    """Refresh tokens that were sent more than once."""
    refreshes_refused: int
    user_tokens_lost: int
    """People whose token in the store at the end is neither valid nor can be refreshed."""
    bot_tokens_lost: int


def compare(events: int, people: int, grace_seconds: float) -> dict[str, Refreshed]:
    """Return the results of Bolt for Python and of this server, by name."""
    bolt = Subject(
        Peer("Bolt AsyncApp", (sys.executable, str(PEERS / "bolt_refreshing.py"))),
        (sys.executable, str(PEERS / "bolt_script.py"), "FOLDER/installations.sqlite3"),
        _in_slack_sdks_store,
    )
    this = Subject(ours(), (sys.executable, "-m", "bench.refreshing.our_script", "FOLDER/config.toml"), _in_our_store)
    return {
        subject.peer.name: asyncio.run(_measure(subject, events, people, grace_seconds)) for subject in (bolt, this)
    }


async def _measure(subject: Subject, events: int, people: int, grace_seconds: float) -> Refreshed:
    clock = _Clock(time.time() - 43_200 - EXPIRED_SECONDS)
    slack = Slack(
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        signing_secret=SIGNING_SECRET,
        redirect_uris=[],
        events_url="",
        clock=clock,
        token_rotation=True,
    )
    slack.world.token_book.grace_seconds = grace_seconds
    slack.start()
    names = [f"U{number:08d}" for number in range(people)]
    try:
        with tempfile.NamedTemporaryFile("w", prefix="latchkey-bench-", suffix=".json") as file:
            json.dump(_install(slack, names), file)
            file.flush()
            clock.now = None
            environment = {
                "REFRESHING": file.name,
                "CLIENT_ID": CLIENT_ID,
                "CLIENT_SECRET": CLIENT_SECRET,
            }
            peer = replace(subject.peer, environment=environment)
            with started(peer, teams=0, api_url=slack.api_url, cpu=SERVER_CPU) as server:
                slack.configure(redirect_uris=[], events_url=f"http://127.0.0.1:{server.port}/slack/events")
                failures, acknowledged = await asyncio.gather(
                    _run_script(subject, server, slack, names), _send(slack, events, names)
                )
                found = [subject.find(server, name) for name in names]
    finally:
        await slack.close()
    return _result(slack, events, acknowledged, found, failures)


async def _run_script(subject: Subject, server: RunningPeer, slack: Slack, names: Sequence[str]) -> int:
    """Run the script beside a server; returns how many tokens it could not use."""
    command = [part.replace("FOLDER", str(server.folder)) for part in subject.script]
    environment = {
        **os.environ,
        "PYTHONPATH": str(PEERS.parent.parent),
        "API_URL": slack.api_url,
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
        "SLACK_CLIENT_ID": CLIENT_ID,
        "SLACK_CLIENT_SECRET": CLIENT_SECRET,
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
    }
    process = await asyncio.create_subprocess_exec(*command, *names, env=environment, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command!r} ended with {process.returncode}")
    return int(printed)


def _install(slack: Slack, names: Sequence[str]) -> list[dict[str, Any]]:
    """Install the app for these people, each with a token, and return the installations; the bot has one pair."""
    workspace, book = slack.workspace(), slack.world.token_book
    now = slack.world.clock()
    bot_user = slack.world.bot_user_id(workspace)
    bot = book.issue_pair(Token(workspace, bot_user, True, False, "chat:write"))
    made = []
    for name in names:
        user = book.issue_pair(Token(workspace, name, False, False, "search:read"))
        made.append(
            {
                "app_id": slack.world.app.app_id,
                "team_id": workspace.team_id,
                "user_id": name,
                "bot_token": bot["access_token"],
                "bot_refresh_token": bot["refresh_token"],
                "bot_token_expires_at": int(now + bot["expires_in"]),
                "bot_id": "B0ACME",
                "bot_user_id": bot_user,
                "bot_scopes": ["chat:write"],
                "user_token": user["access_token"],
                "user_refresh_token": user["refresh_token"],
                "user_token_expires_at": int(now + user["expires_in"]),
                "user_scopes": ["search:read"],
                "installed_at": float(now),
            }
        )
    return made


async def _send(slack: Slack, events: int, names: Sequence[str]) -> int:
    """Send all events at once; returns how many were acknowledged, after their listeners have had time to run."""
    workspace = slack.workspace()

    async def send(number: int) -> bool:
        event = {"type": "app_mention", "user": names[number % len(names)], "text": "x", "channel": "C0GENERAL"}
        return (await slack.sender.event(workspace, event)).status == 200

    acknowledged = sum(await asyncio.gather(*map(send, range(events))))
    deadline = time.monotonic() + FINISH_SECONDS
    while len(slack.world.messages) < events and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    return acknowledged


def _result(
    slack: Slack, events: int, acknowledged: int, found: Sequence[Installation | None], script_failures: int
) -> Refreshed:
    world, now = slack.world, slack.world.clock()

    def is_lost(access: str | None, refresh: str | None) -> bool:
        token = world.tokens.get(access or "")
        is_valid = token is not None and token.is_live(now)
        return not is_valid and not world.token_book.is_refreshable(refresh or "")

    refused = [call for call in world.calls if call.response.get("error") == "invalid_refresh_token"]
    return Refreshed(
        events=events,
        acknowledged=acknowledged,
        listeners_run=len(world.messages),
        script_failures=script_failures,
        without_user_token=sum(message.text.endswith("False") for message in world.messages),
        refresh_tokens_sent_twice=sum(token.sent > 1 for token in world.refresh_tokens.values()),
        refreshes_refused=len(refused),
        user_tokens_lost=sum(each is None or is_lost(each.user_token, each.user_refresh_token) for each in found),
        bot_tokens_lost=int(all(each is None or is_lost(each.bot_token, each.bot_refresh_token) for each in found)),
    )


def _in_slack_sdks_store(server: RunningPeer, name: str) -> Installation | None:
    store = SQLite3InstallationStore(database=str(server.folder / "installations.sqlite3"), client_id=CLIENT_ID)
    return store.find_installation(enterprise_id=None, team_id="T0ACME", user_id=name)


def _in_our_store(server: RunningPeer, name: str) -> Installation | None:
    store = open_store(server.folder / "data" / "store.sqlite", server.folder / "keys" / "keyring")
    try:
        return store.installations.find_installation(enterprise_id=None, team_id="T0ACME", user_id=name)
    finally:
        store.close()


class _Clock:
    """The time in Unix seconds; `now` None is the real time."""

    def __init__(self, now: float | None) -> None:
        self.now = now

    def __call__(self) -> float:
        return time.time() if self.now is None else self.now
