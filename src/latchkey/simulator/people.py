"""What people do in the stand-in Slack, and what comes of the app's answers.

Rule: an answer changes what a person sees exactly as Slack's would: a command's
reply becomes a message, a submission's reply closes, changes or faults a form.
"""

from __future__ import annotations

from typing import Any

from latchkey.simulator.model import Message, OpenView, Workspace, World
from latchkey.simulator.requests import Answer, Sender


class People:
    """Alice, in each of the workspaces."""

    def __init__(self, world: World, sender: Sender) -> None:
        self._world = world
        self._sender = sender

    async def mention(self, workspace: Workspace, text: str) -> Answer:
        """Write `@latchkey text` into the channel."""
        self._write(workspace, f"@latchkey {text}")
        return await self._sender.mention(workspace, text)

    async def command(self, workspace: Workspace, command: str, text: str = "") -> Answer:
        """Type a slash command; its reply is shown to Alice alone unless it is `in_channel`."""
        self._write(workspace, f"{command} {text}".strip(), private=True)
        answer = await self._sender.command(workspace, command, text)
        if answer.status != 200:
            self._say(workspace, f"{command} failed with the error: http_service_error ({answer.status})")
        elif answer.document:
            self.show(workspace, workspace.channel_id, answer.document)
        elif answer.body:
            self._say(workspace, answer.body)
        return answer

    async def click(self, workspace: Workspace, action: dict[str, Any]) -> Answer:
        return await self._sender.block_action(workspace, action)

    async def submit(self, opened: OpenView, values: dict[str, dict[str, Any]]) -> Answer:
        """Press the form's button with these values, by block id and action id."""
        answer = await self._sender.submission(opened, values)
        reply = answer.document
        opened.errors = {}
        if answer.status != 200:
            opened.errors = {"": "We had some trouble connecting. Try again?"}
        elif reply.get("response_action") == "errors":
            opened.errors = reply.get("errors", {})
        elif reply.get("response_action") in ("update", "push"):
            opened.view = reply.get("view", opened.view)
        else:
            self._world.views.pop(opened.view_id, None)
        return answer

    async def close(self, opened: OpenView) -> None:
        self._world.views.pop(opened.view_id, None)
        if opened.view.get("notify_on_close"):
            await self._sender.closed(opened)

    async def uninstall(self, workspace: Workspace) -> list[Answer]:
        """Remove the app from the workspace, as its administrators can."""
        for token in self._world.tokens.values():
            if token.workspace == workspace:
                token.revoked = True
        return await self._sender.uninstalled(workspace)

    def show(self, workspace: Workspace, channel: str, document: dict[str, Any]) -> None:
        """Show a message that came as a reply or through a response_url."""
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

    def _write(self, workspace: Workspace, text: str, *, private: bool = False) -> None:
        only_for = workspace.user_id if private else None
        self._world.post(Message(workspace, workspace.channel_id, workspace.user_id, text, only_for=only_for))

    def _say(self, workspace: Workspace, text: str) -> None:
        self.show(workspace, workspace.channel_id, {"text": text})
