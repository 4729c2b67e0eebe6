"""What Slack sends to an app, signed as Slack signs it.

Rule: every shape has the fields that Slack documents and an app may read, with
ids of their own.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse

from latchkey.simulator.model import OpenView, Workspace, World

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
PATIENCE_SECONDS = 3.0
"""After which Slack gives up."""


@dataclass(frozen=True)
class Answer:
    """How the app answered one request. Status 599: not in time, or not at all."""

    what: str
    status: int
    body: str
    content_type: str
    milliseconds: float

    @property
    def document(self) -> dict[str, Any]:
        """The body as a JSON object; empty where it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return X-Slack-Signature for this body."""
    return "v0=" + hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()


class Sender:
    """Sends requests to the app's events URL."""

    def __init__(self, world: World, origin: str) -> None:
        """`origin` is the stand-in's own address, which `response_url`s begin with."""
        self._world = world
        self._origin = origin
        self._client = AsyncHTTPClient(force_instance=True, max_clients=100)  # what waits for a turn is not timed

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
    ) -> Answer:
        """Send a body, signed `age` seconds ago with the app's signing secret (or another one)."""
        timestamp = str(int(time.time()) - age)
        sent = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (stand-in)",
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
            request_timeout=PATIENCE_SECONDS,
            follow_redirects=False,
        )
        begun = time.monotonic()
        try:
            response: HTTPResponse | None = await self._client.fetch(request, raise_error=False)
        except (OSError, HTTPClientError):
            response = None
        answer = Answer(
            what,
            response.code if response else 599,
            response.body.decode("utf-8", "replace") if response and response.body else "",
            response.headers.get("Content-Type", "") if response else "",
            (time.monotonic() - begun) * 1000,
        )
        self._world.answers.append(answer)
        return answer

    async def url_verification(self, challenge: str) -> Answer:
        document = {"token": "legacy", "challenge": challenge, "type": "url_verification"}
        return await self.send("url_verification", json.dumps(document).encode(), JSON)

    async def event(self, workspace: Workspace, event: dict[str, Any], **options: Any) -> Answer:
        """Send an inner event in its wrapper; `wrapper=` adds or replaces fields of that, the rest is `send`'s."""
        body = self.event_body(workspace, event, options.pop("wrapper", {}))
        return await self.send(f"event {event['type']}", body, JSON, **options)

    def event_body(self, workspace: Workspace, event: dict[str, Any], wrapper: dict[str, Any] | None = None) -> bytes:
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
            "authorizations": [
                {
                    "enterprise_id": workspace.enterprise_id,
                    "team_id": workspace.team_id,
                    "user_id": self._world.bot_user_id(workspace),
                    "is_bot": True,
                    "is_enterprise_install": self._is_org_wide(workspace),
                }
            ],
        }
        return json.dumps({**document, **(wrapper or {})}).encode()

    async def mention(self, workspace: Workspace, text: str, **options: Any) -> Answer:
        event = {
            "type": "app_mention",
            "user": workspace.user_id,
            "text": f"<@{self._world.bot_user_id(workspace)}> {text}",
            "ts": self._world.timestamp(),
            "channel": workspace.channel_id,
            "team": workspace.team_id,
        }
        return await self.event(workspace, event, **options)

    async def command(self, workspace: Workspace, command: str, text: str = "", **options: Any) -> Answer:
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

    async def interaction(self, workspace: Workspace, kind: str, fields: dict[str, Any], **options: Any) -> Answer:
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

    async def block_action(self, workspace: Workspace, action: dict[str, Any], **options: Any) -> Answer:
        fields = {
            "actions": [{"type": "button", "action_ts": self._world.timestamp(), **action}],
            "channel": {"id": workspace.channel_id, "name": "general"},
            "container": {"type": "message", "channel_id": workspace.channel_id},
            "response_url": self._origin
            + self._world.issue_response_path(workspace, workspace.channel_id, workspace.user_id),
        }
        return await self.interaction(workspace, "block_actions", fields, **options)

    async def submission(self, opened: OpenView, values: dict[str, dict[str, Any]], **options: Any) -> Answer:
        return await self.interaction(
            opened.workspace, "view_submission", {"view": self._state(opened, values)}, **options
        )

    async def closed(self, opened: OpenView) -> Answer:
        fields = {"view": self._state(opened, {}), "is_cleared": False}
        return await self.interaction(opened.workspace, "view_closed", fields)

    async def uninstalled(self, workspace: Workspace) -> list[Answer]:
        """Send what Slack sends when the app is removed from a workspace."""
        return [
            await self.event(
                workspace,
                {
                    "type": "tokens_revoked",
                    "tokens": {"oauth": [workspace.user_id], "bot": [self._world.bot_user_id(workspace)]},
                },
            ),
            await self.event(workspace, {"type": "app_uninstalled"}),
        ]

    def _state(self, opened: OpenView, values: dict[str, dict[str, Any]]) -> dict[str, Any]:
        return {
            **opened.view,
            "id": opened.view_id,
            "team_id": opened.workspace.team_id,
            "app_installed_team_id": opened.workspace.team_id,
            "state": {"values": values},
            "hash": secrets.token_hex(4),
        }

    def _actor(self, workspace: Workspace) -> dict[str, str]:
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

    def _is_org_wide(self, workspace: Workspace) -> bool:
        return any(
            token.org_wide and not token.revoked and token.workspace.enterprise_id == workspace.enterprise_id
            for token in self._world.tokens.values()
        )
