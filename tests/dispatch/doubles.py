"""What a dispatcher works with, reduced to what a test looks at."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from slack_sdk.oauth.installation_store import Bot

from dispatch import App, Dispatcher
from slackapi.payload import Payload, parse

FORM = "application/x-www-form-urlencoded"
INSTALL_URL = "https://app.example.com/slack/install"


class Response:
    """What a fake client's call returns: enough of slack_sdk's response."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.http_verb, self.api_url, self.req_args, self.headers, self.status_code = "POST", "", {}, {}, 200


class FakeClient:
    def __init__(self, clients: FakeClients, token: str, team_id: str | None) -> None:
        self.token, self.base_url, self.default_params = token, "https://slack.com/api/", {"team_id": team_id}
        self.team_id = team_id
        self._clients = clients

    async def api_call(self, method: str, **arguments: Any) -> Response:
        self._clients.calls.append((method, arguments))
        return Response({"ok": True})

    async def chat_postMessage(self, **message: Any) -> Response:  # noqa: N802  # slack_sdk's name
        self._clients.calls.append(("chat.postMessage", message))
        return Response({"ok": True})


class FakeClients:
    """Stands where WebClients stands."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.made: list[FakeClient] = []

    def client(self, token: str, *, team_id: str | None = None) -> FakeClient:
        self.made.append(FakeClient(self, token, team_id))
        return self.made[-1]

    async def post_response_url(self, url: str, message: dict[str, Any]) -> None:
        self.calls.append((url, message))


class FakeInstallations:
    """One workspace has the app: T1."""

    def __init__(self) -> None:
        self.bot: Bot | None = Bot(
            team_id="T1", bot_token="xoxb-sentinel", bot_id="B1", bot_user_id="UBOT", installed_at=1.0
        )
        self.error: Exception | None = None
        self.cached = True

    def cached_bot(self, enterprise_id: str | None, team_id: str | None, org_wide: bool = False) -> Bot | None:
        return self.bot if self.cached and team_id in ("T1", None) else None

    async def async_find_bot(self, **ids: Any) -> Bot | None:
        if self.error:
            raise self.error
        return self.bot if ids["team_id"] in ("T1", None) else None


class Bench:
    """An App, a dispatcher on it, and what they did."""

    def __init__(self, **options: Any) -> None:
        self.app = App()
        self.clients = FakeClients()
        self.installations = FakeInstallations()
        self.options = {"ack_seconds": 0.2, **options}

    def run(self, use: Callable[[Dispatcher], Awaitable[Any]]) -> Any:
        """Run `use` on a loop, wait for all listeners, and return its result."""
        import asyncio

        async def whole() -> Any:
            dispatcher = Dispatcher(
                self.app,
                installations=self.installations,  # type: ignore[arg-type]
                clients=self.clients,  # type: ignore[arg-type]
                install_url=INSTALL_URL,
                **self.options,
            )
            try:
                return await use(dispatcher)
            finally:
                self.unfinished = await dispatcher.drain(2)

        return asyncio.run(whole())

    def answer(self, payload: Payload) -> Any:
        return self.run(lambda dispatcher: dispatcher.answer(payload, "request-1"))

    def submit(self, *payloads: Payload) -> None:
        async def use(dispatcher: Dispatcher) -> None:
            for payload in payloads:
                dispatcher.submit(payload, "request-1")

        self.run(use)


def event(kind: str = "app_mention", **fields: Any) -> Payload:
    inner = {"type": kind, "user": "U1", "channel": "C1", "text": "hello there", **fields}
    wrapper = {
        "type": "event_callback",
        "team_id": fields.pop("team", "T1"),
        "event": inner,
        "event_id": "Ev1",
        "event_time": 1,
    }
    return parse("application/json", json.dumps(wrapper).encode())


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
