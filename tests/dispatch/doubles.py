"""Test doubles for everything around `dispatch`, and builders of payloads."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from slack_sdk.oauth.installation_store import Bot

from latchkey.dispatch import App, EventOptions, EventPipeline, Interactions, Reply, Runner
from latchkey.dispatch.events import backoff
from latchkey.dispatch.events.intake import DEADLINE_SECONDS
from latchkey.errors import LatchkeyError
from latchkey.metrics import Metrics
from latchkey.slackapi.requests import WorkspaceId
from latchkey.slackapi.requests.payload import Payload, parse
from latchkey.storage import NOT_CACHED, UserToken, open_store
from latchkey.tokens import TokenResolver
from tests.support.counts import count
from tests.support.waiting import until

FORM = "application/x-www-form-urlencoded"
INSTALL_URL = "https://app.example.com/slack/install"


class Response:
    """The part of slack_sdk's response that listeners use."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.http_verb, self.api_url, self.req_args, self.headers, self.status_code = "POST", "", {}, {}, 200


class FakeClient:
    def __init__(self, clients: FakeClients, token: str, team_id: str | None, slot: Any) -> None:
        self._slot = slot
        self.token, self.base_url, self.default_params = token, "https://slack.com/api/", {"team_id": team_id}
        self.team_id = team_id
        self._clients = clients

    async def wait_for_slack(self, released: asyncio.Event) -> None:
        """Wait as a RetryingClient does when Slack limits a call."""
        with nullcontext() if self._slot is None else self._slot.released():
            await released.wait()

    async def api_call(self, method: str, **arguments: Any) -> Response:
        if method == "wait":
            await self.wait_for_slack(arguments["json"]["released"])
        # A sync listener's `say` calls the method through the WebClient that wraps this client.
        self._clients.calls.append((method, arguments["json"] if method == "chat.postMessage" else arguments))
        return Response({"ok": True})

    async def chat_postMessage(self, **message: Any) -> Response:  # noqa: N802  # slack_sdk's name
        self._clients.calls.append(("chat.postMessage", message))
        return Response({"ok": True})


class FakeClients:
    """Replaces WebClients."""

    is_loaded = True

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.made: list[FakeClient] = []

    def retrying_client(self, token: str, workspace: WorkspaceId, slot: Any = None, **_: Any) -> FakeClient:
        team_id = workspace.team_id if workspace.is_enterprise_install else None
        self.made.append(FakeClient(self, token, team_id, slot))
        return self.made[-1]

    async def post_response_url(self, url: str, message: dict[str, Any]) -> None:
        self.calls.append((url, message))


class FakeInstallations:
    """The store of one installation, in workspace T1."""

    def __init__(self) -> None:
        self.bot: Bot | None = Bot(
            team_id="T1", bot_token="xoxb-sentinel", bot_id="B1", bot_user_id="UBOT", installed_at=1.0
        )
        self.error: Exception | None = None
        self.cached = True

        self.users: dict[str | None, UserToken] = {}
        """By user id; the latest installer's by None."""

    def cached_bot(self, enterprise_id: str | None, team_id: str | None, org_wide: bool = False) -> Any:
        return NOT_CACHED if not self.cached else self.bot if team_id in ("T1", None) else None

    def cached_user_token(self, *workspace_and_user: Any) -> Any:
        return self.users.get(workspace_and_user[-1]) if self.cached else NOT_CACHED

    async def async_find_user_token(self, *workspace: Any, user_id: str | None) -> UserToken | None:
        return self.users.get(user_id)

    async def async_cache_tokens(self, *workspace_and_user: Any) -> None:
        """Does nothing: the look-ups that follow need no thread."""

    async def async_find_bot(self, **ids: Any) -> Bot | None:
        if self.error:
            raise self.error
        return self.bot if ids["team_id"] in ("T1", None) else None


class Bench:
    """An App whose listeners run against fake clients and a real inbox."""

    def __init__(self, folder: Path) -> None:
        self.clock: Callable[[], float] = time.time
        self.store = open_store(folder / "store.sqlite", folder / "keyring", clock=lambda: self.clock())
        self.app = App()
        self.clients = FakeClients()
        self.installations = FakeInstallations()
        self.metrics = Metrics()
        self.options = EventOptions()
        self.act_as_installer = False
        self.delay: Callable[..., float] = backoff.delay
        self.deadline = DEADLINE_SECONDS
        self.ack_timeout = 0.2

    def run(self, use: Callable[[Interactions, EventPipeline], Awaitable[Any]], *, drain_seconds: float = 2) -> Any:
        """Run `use` as one run of a server does: start, drain and close everything; return its result."""

        async def server() -> Any:
            runner = Runner(
                self.app,
                installations=self.installations,  # type: ignore[arg-type]
                resolver=TokenResolver(self.installations, None, act_as_installer=self.act_as_installer),  # type: ignore[arg-type]
                clients=self.clients,  # type: ignore[arg-type]
                metrics=self.metrics,
            )
            interactions = Interactions(runner, self.metrics, install_url=INSTALL_URL, ack_timeout=self.ack_timeout)
            events = EventPipeline(
                runner, self.metrics, self.store.inbox, self.options, self.clock, self.delay, self.deadline
            )
            events.start(self.store.inbox.recover())
            try:
                return await use(interactions, events)
            finally:
                self.unfinished = await interactions.drain(drain_seconds) + await events.drain(drain_seconds)
                runner.close()

        return asyncio.run(server())

    def reply_to(self, payload: Payload) -> Any:
        """Return the reply to a command, action, view or options request."""
        return self.run(lambda interactions, _: reply_to(interactions, payload))

    def send(self, *payloads: Payload) -> list[Exception | None]:
        """Send events one after another; return the error of each, or None for a 200."""
        return self.run(lambda _, events: send(events, *payloads))

    def live(self, seconds: float) -> None:
        """Run for `seconds` without a new event."""
        self.run(lambda _, __: asyncio.sleep(seconds))

    def live_until(self, happened: Callable[[], object]) -> None:
        """Run without a new event until `happened` returns something true."""
        self.run(lambda _, __: until(happened))

    def count(self, name: str, **labels: str) -> float:
        return count(self.metrics, name, **labels)


async def reply_to(interactions: Interactions, payload: Payload) -> Reply:
    """Return the reply; raise the error if there is one instead."""
    replied: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def on_reply(outcome: Reply | LatchkeyError) -> None:
        if isinstance(outcome, Reply):
            replied.set_result(outcome)
        else:
            replied.set_exception(outcome)

    interactions.handle(payload, "request-1", on_reply)
    return await asyncio.wait_for(replied, 5)


async def send(events: EventPipeline, *payloads: Payload) -> list[Exception | None]:
    """Send events, each after the reply to the one before; return the error of each, or None for a 200."""
    return [await sent(events, payload) for payload in payloads]


async def sent(events: EventPipeline, payload: Payload) -> Exception | None:
    replied: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
    try:
        events.accept(payload, json.dumps(payload.body).encode(), "request-1", replied.set_result)
    except LatchkeyError as error:
        return error
    return await asyncio.wait_for(replied, 5)


_counter = itertools.count(1)


def event(
    kind: str = "app_mention", *, event_id: str | None = None, retry_num: int | None = None, **fields: Any
) -> Payload:
    """Return a new event, or with an `event_id` another copy of it."""
    inner = {"type": kind, "user": "U1", "channel": "C1", "text": "hello there", **fields}
    wrapper = {
        "type": "event_callback",
        "team_id": fields.pop("team", "T1"),
        "event": inner,
        "event_id": event_id or f"Ev{next(_counter)}",
        "event_time": 1,
    }
    payload = parse("application/json", json.dumps(wrapper).encode())
    payload.retry_num = retry_num
    return payload


def command(name: str = "/hi", **fields: str) -> Payload:
    body = {
        "command": name,
        "text": "you",
        "team_id": "T1",
        "user_id": "U1",
        "channel_id": "C1",
        "trigger_id": "1.2",
        **fields,
    }
    body.setdefault("response_url", "https://hooks.slack.com/commands/1")
    return parse(FORM, urlencode(body).encode())


def interaction(kind: str, **fields: Any) -> Payload:
    document = {"type": kind, "team": {"id": "T1"}, "user": {"id": "U1"}, "trigger_id": "1.2", **fields}
    return parse(FORM, urlencode({"payload": json.dumps(document)}).encode())


def action(action_id: str = "a", block_id: str = "b", **fields: Any) -> Payload:
    actions = [{"type": "button", "action_id": action_id, "block_id": block_id, "value": "v"}]
    return interaction("block_actions", actions=actions, channel={"id": "C1"}, **fields)


def submission(callback_id: str = "form", **fields: Any) -> Payload:
    blocks = [{"type": "section"}, {"type": "input", "block_id": "b-id"}]
    return interaction("view_submission", view={"callback_id": callback_id, "blocks": blocks}, **fields)
