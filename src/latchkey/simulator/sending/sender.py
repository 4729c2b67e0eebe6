"""Sends an app what Slack sends it: events, commands and interactions, with Slack's signature.

Each request has the fields that Slack documents and an app may read.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any
from urllib.parse import urlencode

from latchkey.simulator.model import Message, OpenView, World
from latchkey.simulator.sending import payloads
from latchkey.simulator.sending.app_response import AppResponse
from latchkey.simulator.sending.transport import Transport
from latchkey.simulator.workspaces import SimulatedWorkspace

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
SWAP_TIMEOUT = 3.0
"""Seconds that an event waits for the one that overtakes it."""


class Sender:
    """Sends requests to the app's events URL."""

    def __init__(self, world: World, origin: str) -> None:
        """`origin` is the simulator's own URL, used in each `response_url`."""
        self._world = world
        self._origin = origin
        self._transport = Transport(world)
        self._overtaken: asyncio.Event | None = None
        """Set once the event was sent that an earlier one waits for."""
        self._retries: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        for task in self._retries:
            task.cancel()
        self._transport.close()

    async def send(self, what: str, body: bytes, content_type: str, **options: Any) -> AppResponse:
        """Send a body as `Transport.post` does, with the faults of `world.sending` that `options` do not override."""
        faults = self._world.sending
        if faults.bad_signature:
            options.setdefault("secret", "a wrong secret")
        if faults.age:
            options.setdefault("age", faults.age)
        if faults.delay:
            await asyncio.sleep(faults.delay)
        return await self._transport.post(what, body, content_type, **options)

    async def url_verification(self, challenge: str) -> AppResponse:
        document = {"token": "legacy", "challenge": challenge, "type": "url_verification"}
        return await self.send("url_verification", json.dumps(document).encode(), JSON)

    async def event(self, workspace: SimulatedWorkspace, event: dict[str, Any], **options: Any) -> AppResponse:
        """Send an inner event; `wrapper=` adds or replaces fields around it, other options are `send`'s.

        `wrapper={"authorizations": None}` removes `authorizations`.
        """
        body = self.event_body(workspace, event, options.pop("wrapper", {}))
        what = f"event {event['type']}"
        if self._world.sending.swaps:
            await self._be_overtaken()
        response = await self.send(what, body, JSON, **options)
        for _ in range(self._world.sending.copies - 1):
            await self.send(what, body, JSON, **options)
        if not response.is_acknowledged and self._world.sending.retry_delays:
            task = asyncio.create_task(self._retry(what, body, response))
            self._retries.add(task)
            task.add_done_callback(self._retries.discard)
        return response

    async def _be_overtaken(self) -> None:
        """Wait until the next event has passed; every second event passes the one before it."""
        if self._overtaken is not None:
            waiting, self._overtaken = self._overtaken, None
            asyncio.get_running_loop().call_later(0.1, waiting.set)
            return
        self._overtaken = waiting = asyncio.Event()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(waiting.wait(), SWAP_TIMEOUT)
        if self._overtaken is waiting:
            self._overtaken = None

    async def _retry(self, what: str, body: bytes, response: AppResponse) -> None:
        """Send an event again until the app acknowledges it, as Slack does."""
        for number, delay in enumerate(self._world.sending.retry_delays, start=1):
            await asyncio.sleep(delay)
            reason = _retry_reason(response)
            response = await self.send(what, body, JSON, retry=number, reason=reason)
            if response.is_acknowledged:
                return

    def event_body(
        self, workspace: SimulatedWorkspace, event: dict[str, Any], wrapper: dict[str, Any] | None = None
    ) -> bytes:
        return payloads.event_body(self._world, workspace, event, wrapper)

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

    async def message(self, message: Message, kind: str = "message", **options: Any) -> AppResponse:
        """Send the event of a person's message, `message` or `app_mention`."""
        return await self.event(message.workspace, payloads.message_event(self._world, message, kind), **options)

    async def command(self, workspace: SimulatedWorkspace, command: str, text: str = "", **options: Any) -> AppResponse:
        fields = {
            **payloads.command_fields(self._world, workspace, command, text),
            "response_url": self.response_url(workspace, workspace.channel_id),
            "trigger_id": self._world.issue_trigger(workspace, workspace.user_id),
            **options.pop("fields", {}),
        }
        return await self.send(f"command {command}", urlencode(fields).encode(), FORM, **options)

    async def interaction(
        self, workspace: SimulatedWorkspace, kind: str, fields: dict[str, Any], **options: Any
    ) -> AppResponse:
        """Send block_actions, shortcut, message_action, block_suggestion, view_submission or view_closed."""
        document = payloads.interaction(self._world, workspace, kind)
        if kind not in ("block_suggestion", "view_closed"):
            document["trigger_id"] = self._world.issue_trigger(workspace, workspace.user_id)
        body = urlencode({"payload": json.dumps({**document, **fields})}).encode()
        return await self.send(kind, body, FORM, **options)

    async def block_action(
        self,
        workspace: SimulatedWorkspace,
        action: dict[str, Any],
        message: Message | None = None,
        values: dict[str, Any] | None = None,
        **options: Any,
    ) -> AppResponse:
        """Send block_actions for an element of this message, or of a message that this Slack does not have.

        `values`: those of all elements of the message, by block id and action id.
        """
        container = {"type": "message", "channel_id": workspace.channel_id, "is_ephemeral": False}
        fields = {
            "actions": [{"type": "button", "action_ts": self._world.timestamp(), **action}],
            "channel": payloads.channel_field(self._world, workspace, workspace.channel_id),
            "container": container,
            "response_url": self.response_url(workspace, workspace.channel_id, message),
            **(payloads.of_message(self._world, message, values) if message else {}),
            **options.pop("fields", {}),
        }
        return await self.interaction(workspace, "block_actions", fields, **options)

    async def view_action(
        self, opened: OpenView, action: dict[str, Any], values: dict[str, Any], **options: Any
    ) -> AppResponse:
        """Send block_actions for an element of a form or an App Home, whose elements have these values."""
        fields = {
            "actions": [{"action_ts": self._world.timestamp(), **action}],
            "container": {"type": "view", "view_id": opened.view_id},
            "view": payloads.of_view(self._world, opened, values),
        }
        return await self.interaction(_of(opened), "block_actions", fields, **options)

    async def submission(self, opened: OpenView, values: dict[str, dict[str, Any]], **options: Any) -> AppResponse:
        fields = {"view": payloads.of_view(self._world, opened, values), "response_urls": []}
        return await self.interaction(_of(opened), "view_submission", fields, **options)

    async def closed(self, opened: OpenView, *, is_cleared: bool = False) -> AppResponse:
        """Send view_closed; `is_cleared`: whether all forms were closed at once."""
        fields = {"view": payloads.of_view(self._world, opened, {}), "is_cleared": is_cleared}
        return await self.interaction(_of(opened), "view_closed", fields)

    def response_url(self, workspace: SimulatedWorkspace, channel: str, message: Message | None = None) -> str:
        """Return a new response_url for this conversation, about this message."""
        return self._origin + self._world.issue_response_path(workspace, channel, workspace.user_id, message)


def _retry_reason(response: AppResponse) -> str:
    """Return Slack's X-Slack-Retry-Reason: https://docs.slack.dev/apis/events-api#retries."""
    if response.timed_out:
        return "http_timeout"
    return "connection_failed" if response.status == 599 else "http_error"


def _of(opened: OpenView) -> SimulatedWorkspace:
    """Return the workspace as the person sees it who has the form open."""
    return opened.workspace.seen_by(opened.user_id)
