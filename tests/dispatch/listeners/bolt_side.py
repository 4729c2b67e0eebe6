"""Runs the same listeners in Bolt's App and in ours, with the same payload, and records the calls of Slack's API."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import slack_bolt
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request import BoltRequest
from slack_sdk.web import SlackResponse, WebClient
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from latchkey.slackapi.requests.payload import Payload
from tests.dispatch.doubles import Bench, FakeClients

Calls = list[tuple[str, dict[str, Any]]]

RESPONSES: dict[str, dict[str, Any]] = {
    "conversations.replies": {
        "messages": [
            {"user": "U1", "text": "hi", "ts": "1.1"},
            {"user": "UBOT", "text": "hello", "ts": "1.2", "blocks": [], "subtype": "me_message"},
            {
                "user": "UBOT",
                "text": "hello",
                "ts": "1.3",
                "blocks": [{"type": "divider"}],
                "metadata": {"event_type": "assistant_thread_context", "event_payload": {"channel_id": "C9"}},
            },
        ]
    },
    "chat.startStream": {"ts": "9.9"},
}


class RecordingClients(FakeClients):
    """Makes slack_sdk's own clients, whose calls are recorded instead of sent."""

    def retrying_client(self, token: Any, workspace: Any, slot: Any = None, **_: Any) -> Any:
        calls = self.calls

        class Client(AsyncWebClient):
            async def api_call(self, api_method: str, **arguments: Any) -> AsyncSlackResponse:
                return AsyncSlackResponse(client=self, **_record(calls, api_method, arguments))

        return Client(token)


def _record(calls: Calls, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Note a call; return the parts of its response."""
    given = {**(arguments.get("params") or {}), **(arguments.get("json") or {}), **(arguments.get("data") or {})}
    calls.append((method, {name: value for name, value in given.items() if value is not None}))
    data = {"ok": True, **RESPONSES.get(method, {})}
    return {"http_verb": "POST", "api_url": "", "req_args": {}, "data": data, "headers": {}, "status_code": 200}


def calls_in_bolt(monkeypatch: pytest.MonkeyPatch, register: Callable[[Any], None], payload: Payload) -> Calls:
    """Return the calls that Bolt's App makes for an event."""
    calls: Calls = []

    def record(client: WebClient, api_method: str, **arguments: Any) -> SlackResponse:
        return SlackResponse(client=client, **_record(calls, api_method, arguments))

    with monkeypatch.context() as patch:
        patch.setattr(WebClient, "api_call", record)
        app = slack_bolt.App(
            authorize=lambda **_: AuthorizeResult(
                enterprise_id=None, team_id="T1", bot_token="xoxb-sentinel", bot_id="B1", bot_user_id="UBOT"
            ),
            signing_secret="s",
            request_verification_enabled=False,
            process_before_response=True,
        )
        register(app)
        app.dispatch(BoltRequest(body=json.dumps(payload.body), headers={"content-type": "application/json"}))
    return calls


def calls_here(bench: Bench, register: Callable[[Any], None], payload: Payload) -> Calls:
    """Return the calls that our App makes for an event."""
    bench.clients = RecordingClients()
    register(bench.app)
    bench.options = replace(bench.options, max_attempts=1)
    bench.send(payload)
    return bench.clients.calls
