"""Acts as the people in the simulated Slack.

The app's response is shown as Slack shows it: a command's response becomes a message; a submission's
response closes the form, changes it, or shows errors in it.
"""

from __future__ import annotations

from typing import Any

from latchkey.simulator.model import Message, OpenView, World
from latchkey.simulator.sending import AppResponse, Revocations, Sender
from latchkey.simulator.workspaces import SimulatedWorkspace


class People:
    """Alice, in each of the workspaces."""

    def __init__(self, world: World, sender: Sender) -> None:
        self._world = world
        self._sender = sender
        self._revocations = Revocations(world, sender)

    async def mention(self, workspace: SimulatedWorkspace, text: str) -> AppResponse:
        """Write `@latchkey text` into the channel."""
        self._write(workspace, f"@latchkey {text}")
        return await self._sender.mention(workspace, text)

    async def command(self, workspace: SimulatedWorkspace, command: str, text: str = "") -> AppResponse:
        """Type a slash command; only Alice sees the response, unless it is `in_channel`."""
        self._write(workspace, f"{command} {text}".strip(), private=True)
        response = await self._sender.command(workspace, command, text)
        if response.status != 200:
            self._say(workspace, f"{command} failed with the error: http_service_error ({response.status})")
        elif response.document:
            self.show(workspace, workspace.channel_id, response.document)
        elif response.body:
            self._say(workspace, response.body)
        return response

    async def click(self, workspace: SimulatedWorkspace, action: dict[str, Any]) -> AppResponse:
        return await self._sender.block_action(workspace, action)

    async def submit(self, opened: OpenView, values: dict[str, dict[str, Any]]) -> AppResponse:
        """Submit the form with these values, by block id and action id."""
        response = await self._sender.submission(opened, values)
        result = response.document
        opened.errors = {}
        if response.status != 200:
            opened.errors = {"": "We had some trouble connecting. Try again?"}
        elif result.get("response_action") == "errors":
            opened.errors = result.get("errors", {})
        elif result.get("response_action") in ("update", "push"):
            opened.view = result.get("view", opened.view)
        else:
            self._world.views.pop(opened.view_id, None)
        return response

    async def close(self, opened: OpenView) -> None:
        self._world.views.pop(opened.view_id, None)
        if opened.view.get("notify_on_close"):
            await self._sender.closed(opened)

    async def uninstall(self, workspace: SimulatedWorkspace) -> list[AppResponse]:
        """Remove the app from the workspace, as a workspace admin does."""
        return await self._revocations.remove_app(workspace)

    def show(self, workspace: SimulatedWorkspace, channel: str, document: dict[str, Any]) -> None:
        """Show a message from a command's response or sent to a response_url."""
        public = document.get("response_type") == "in_channel"
        self._world.post(
            Message(
                workspace,
                channel,
                self._world.bot_user_id(workspace),
                str(document.get("text") or ""),
                only_for=None if public else workspace.user_id,
                blocks=document.get("blocks") or [],
            )
        )

    def _write(self, workspace: SimulatedWorkspace, text: str, *, private: bool = False) -> None:
        only_for = workspace.user_id if private else None
        self._world.post(Message(workspace, workspace.channel_id, workspace.user_id, text, only_for=only_for))

    def _say(self, workspace: SimulatedWorkspace, text: str) -> None:
        self.show(workspace, workspace.channel_id, {"text": text})
