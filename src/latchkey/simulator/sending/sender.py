"""Sends an app what Slack sends it: events, commands and interactions, with Slack's signature.

Each request has the fields that Slack documents and an app may read.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from typing import Any
from urllib.parse import urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse

from latchkey.simulator.model import OpenView, World
from latchkey.simulator.sending.app_response import AppResponse
from latchkey.simulator.workspaces import SimulatedWorkspace

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
RESPONSE_TIMEOUT = 3.0
"""Seconds that Slack waits for a response."""


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return X-Slack-Signature for this body.

    Written apart from `latchkey.slackapi`, so that each implementation tests the other.
    """
    return "v0=" + hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()


class Sender:
    """Sends requests to the app's events URL."""

    def __init__(self, world: World, origin: str) -> None:
        """`origin` is the simulator's own URL, used in each `response_url`."""
        self._world = world
        self._origin = origin
        # Enough that no request waits in the client, where its time is not measured.
        self._client = AsyncHTTPClient(force_instance=True, max_clients=100)

    def close(self) -> None:
        self._client.close()

    async def send(
        self,
        what: str,
        body: bytes,
        content_type: str,
        *,
        secret: str | None = None,
        age: int = 0,
        retry: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> AppResponse:
        """Send a body, signed as of `age` seconds ago with the app's signing secret or with `secret`.

        The time of the signature is that of the clock of this Slack.
        """
        timestamp = str(int(self._world.clock()) - age)
        sent = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (simulated)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(secret or self._world.app.signing_secret, timestamp, body),
        }
        if retry is not None:
            sent |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": "http_timeout"}
        request = HTTPRequest(
            self._world.app.events_url,
            "POST",
            headers={**sent, **(headers or {})},
            body=body,
            request_timeout=RESPONSE_TIMEOUT,
            follow_redirects=False,
        )
        started = time.monotonic()
        try:
            response: HTTPResponse | None = await self._client.fetch(request, raise_error=False)
        except (OSError, HTTPClientError):
            response = None
        result = AppResponse(
            what,
            response.code if response else 599,
            response.body.decode("utf-8", "replace") if response and response.body else "",
            response.headers.get("Content-Type", "") if response else "",
            (time.monotonic() - started) * 1000,
        )
        self._world.responded(result)
        return result

    async def url_verification(self, challenge: str) -> AppResponse:
        document = {"token": "legacy", "challenge": challenge, "type": "url_verification"}
        return await self.send("url_verification", json.dumps(document).encode(), JSON)

    async def event(self, workspace: SimulatedWorkspace, event: dict[str, Any], **options: Any) -> AppResponse:
        """Send an inner event; `wrapper=` adds or replaces fields around it, other options are `send`'s.

        `wrapper={"authorizations": None}` leaves `authorizations` out.
        """
        body = self.event_body(workspace, event, options.pop("wrapper", {}))
        return await self.send(f"event {event['type']}", body, JSON, **options)

    def event_body(
        self, workspace: SimulatedWorkspace, event: dict[str, Any], wrapper: dict[str, Any] | None = None
    ) -> bytes:
        now = int(self._world.clock())
        document = {
            "token": "legacy",
            "team_id": workspace.team_id,
            "enterprise_id": workspace.enterprise_id,
            "api_app_id": self._world.app.app_id,
            "event": {"event_ts": self._world.timestamp(), **event},
            "type": "event_callback",
            "event_id": f"Ev{secrets.token_hex(6).upper()}",
            "event_time": now,
            "event_context": secrets.token_hex(16),
            "is_ext_shared_channel": False,
            "authorizations": [self._authorization(workspace)],
        }
        document |= wrapper or {}
        if document["authorizations"] is None:
            del document["authorizations"]
        return json.dumps(document).encode()

    def _authorization(self, workspace: SimulatedWorkspace) -> dict[str, Any]:
        """Return the installation that an event is sent for: the bot's, or a person's if the app has no bot.

        https://docs.slack.dev/apis/events-api#authorizations
        """
        tokens = self._world.authorizations(workspace)
        return {
            "enterprise_id": workspace.enterprise_id,
            "team_id": workspace.team_id,
            "user_id": tokens[0].user_id if tokens else self._world.bot_user_id(workspace),
            "is_bot": tokens[0].is_bot if tokens else True,
            "is_enterprise_install": self._is_org_wide(workspace),
        }

    async def mention(self, workspace: SimulatedWorkspace, text: str, **options: Any) -> AppResponse:
        event = {
            "type": "app_mention",
            "user": workspace.user_id,
            "text": f"<@{self._world.bot_user_id(workspace)}> {text}",
            "ts": self._world.timestamp(),
            "channel": workspace.channel_id,
            "team": workspace.team_id,
        }
        return await self.event(workspace, event, **options)

    async def command(self, workspace: SimulatedWorkspace, command: str, text: str = "", **options: Any) -> AppResponse:
        fields = {
            **self._actor(workspace),
            "token": "legacy",
            "team_domain": workspace.name.lower(),
            "channel_name": "general",
            "user_name": "alice",
            "command": command,
            "text": text,
            **options.pop("fields", {}),
        }
        return await self.send(f"command {command}", urlencode(fields).encode(), FORM, **options)

    async def interaction(
        self, workspace: SimulatedWorkspace, kind: str, fields: dict[str, Any], **options: Any
    ) -> AppResponse:
        """Send block_actions, shortcut, message_action, block_suggestion, view_submission or view_closed."""
        document = {
            "type": kind,
            "team": {
                "id": workspace.team_id,
                "domain": workspace.name.lower(),
                "enterprise_id": workspace.enterprise_id,
            },
            "enterprise": {"id": workspace.enterprise_id, "name": workspace.enterprise_name}
            if workspace.enterprise_id
            else None,
            "user": {"id": workspace.user_id, "username": "alice", "team_id": workspace.team_id},
            "api_app_id": self._world.app.app_id,
            "token": "legacy",
            "trigger_id": self._world.issue_trigger(workspace, workspace.user_id),
            "is_enterprise_install": self._is_org_wide(workspace),
            **fields,
        }
        return await self.send(kind, urlencode({"payload": json.dumps(document)}).encode(), FORM, **options)

    async def block_action(self, workspace: SimulatedWorkspace, action: dict[str, Any], **options: Any) -> AppResponse:
        fields = {
            "actions": [{"type": "button", "action_ts": self._world.timestamp(), **action}],
            "channel": {"id": workspace.channel_id, "name": "general"},
            "container": {"type": "message", "channel_id": workspace.channel_id},
            "response_url": self._origin
            + self._world.issue_response_path(workspace, workspace.channel_id, workspace.user_id),
            **options.pop("fields", {}),
        }
        return await self.interaction(workspace, "block_actions", fields, **options)

    async def submission(self, opened: OpenView, values: dict[str, dict[str, Any]], **options: Any) -> AppResponse:
        return await self.interaction(
            opened.workspace, "view_submission", {"view": self._state(opened, values)}, **options
        )

    async def closed(self, opened: OpenView) -> AppResponse:
        fields = {"view": self._state(opened, {}), "is_cleared": False}
        return await self.interaction(opened.workspace, "view_closed", fields)

    def _state(self, opened: OpenView, values: dict[str, dict[str, Any]]) -> dict[str, Any]:
        return {
            **opened.view,
            "id": opened.view_id,
            "team_id": opened.workspace.team_id,
            "app_installed_team_id": opened.workspace.team_id,
            "state": {"values": values},
            "hash": secrets.token_hex(4),
        }

    def _actor(self, workspace: SimulatedWorkspace) -> dict[str, str]:
        fields = {
            "team_id": workspace.team_id,
            "channel_id": workspace.channel_id,
            "user_id": workspace.user_id,
            "api_app_id": self._world.app.app_id,
            "is_enterprise_install": str(self._is_org_wide(workspace)).lower(),
            "trigger_id": self._world.issue_trigger(workspace, workspace.user_id),
            "response_url": self._origin
            + self._world.issue_response_path(workspace, workspace.channel_id, workspace.user_id),
        }
        if workspace.enterprise_id and workspace.enterprise_name:
            fields |= {"enterprise_id": workspace.enterprise_id, "enterprise_name": workspace.enterprise_name}
        return fields

    def _is_org_wide(self, workspace: SimulatedWorkspace) -> bool:
        return any(token.org_wide for token in self._world.authorizations(workspace))
