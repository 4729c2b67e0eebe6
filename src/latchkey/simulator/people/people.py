"""Acts as the people in the simulated Slack.

A workspace says who acts, and in which conversation: `workspace.seen_by("U0BOB", "C0RANDOM")`. The app's response is
shown as Slack shows it: a command's response becomes a message; a submission's response closes the form, changes it,
or shows errors in it.
"""

from __future__ import annotations

from typing import Any

from latchkey.simulator.model import Message, OpenView, World
from latchkey.simulator.people.opening import Opening
from latchkey.simulator.sending import AppResponse, Revocations, Sender
from latchkey.simulator.workspaces import SimulatedWorkspace

NO_CONNECTION = "We had some trouble connecting. Try again?"
"""What Slack shows in a form whose submission failed."""


class People(Opening):
    """The people in each of the workspaces."""

    def __init__(self, world: World, sender: Sender) -> None:
        super().__init__(world, sender)
        self._revocations = Revocations(world, sender)

    async def mention(self, workspace: SimulatedWorkspace, text: str) -> AppResponse:
        """Write `@latchkey text` into the conversation. Only app_mention is sent, see `say` for both events."""
        message = self._write(workspace, f"<@{self._world.bot_user_id(workspace)}> {text}")
        return await self._sender.message(message, "app_mention")

    async def say(self, workspace: SimulatedWorkspace, text: str, thread_ts: str = "") -> list[AppResponse]:
        """Write a message. Sends `message`, and app_mention if it mentions the app, if the app subscribes to them.

        A person mentions the app by its user id: `<@UBOT…>`.
        """
        message = self._write(workspace, text, thread_ts=thread_ts)
        if not self._world.is_installed(workspace):
            return []
        channel = self._world.directory.channel(workspace, message.channel)
        kinds = ["message"] if self.is_subscribed(f"message.{'im' if channel.kind == 'im' else 'channels'}") else []
        mentions = f"<@{self._world.bot_user_id(workspace)}>" in text and channel.kind != "im"
        kinds += ["app_mention"] if mentions and self.is_subscribed("app_mention") else []
        return [await self._sender.message(message, kind) for kind in kinds]

    async def command(self, workspace: SimulatedWorkspace, command: str, text: str = "") -> AppResponse:
        """Type a slash command; only this person sees the response, unless it is `in_channel`."""
        self._write(workspace, f"{command} {text}".strip(), private=True)
        response = await self._sender.command(workspace, command, text)
        if response.error:
            self._say(workspace, f"{command} failed with the error “{response.error}”")
        elif response.document:
            self.show(workspace, workspace.channel_id, response.document)
        elif response.body:
            self._say(workspace, response.body)
        return response

    async def click(
        self,
        workspace: SimulatedWorkspace,
        action: dict[str, Any],
        message: Message | None = None,
        values: dict[str, Any] | None = None,
    ) -> AppResponse:
        """Use an element of a message, whose elements have these values."""
        response = await self._sender.block_action(workspace, action, message, values)
        if response.error and message is not None:
            self._say(workspace, f"This did not work: the app responded with the error “{response.error}”")
        return response

    async def submit(self, opened: OpenView, values: dict[str, dict[str, Any]]) -> AppResponse:
        """Submit the form with these values, by block id and action id.

        https://docs.slack.dev/surfaces/modals#updating_response
        """
        response = await self._sender.submission(opened, values)
        result = response.document
        action, view = result.get("response_action"), result.get("view") or {}
        if response.error:
            self._show_errors(opened, {"": f"{NO_CONNECTION} ({response.error})"})
        elif action == "errors":
            self._show_errors(opened, result.get("errors") or {})
        elif action == "update":
            self._world.replace_view(opened, view)
        elif action == "push":
            self._world.open_view(opened.workspace, opened.user_id, view)
        elif action == "clear":
            self._world.close_views(*self._world.views_of(opened.workspace, opened.user_id))
        else:
            self._world.close_views(opened)
        return response

    async def close(self, opened: OpenView, *, is_cleared: bool = False) -> None:
        """Close a form, or with `is_cleared` all forms of this person."""
        everything = self._world.views_of(opened.workspace, opened.user_id)
        closed = everything if is_cleared or opened.view.get("clear_on_close") else [opened]
        self._world.close_views(*closed)
        for view in closed:
            if view.view.get("notify_on_close"):
                await self._sender.closed(view, is_cleared=len(closed) > 1)

    async def react(self, workspace: SimulatedWorkspace, message: Message, name: str) -> AppResponse | None:
        """Add a reaction to a message, or remove the one that this person has added."""
        reaction = (message.channel, message.ts, name, workspace.user_id)
        is_new = reaction not in self._world.reactions
        (self._world.reactions.add if is_new else self._world.reactions.remove)(reaction)
        self._world.changed(message)
        kind = "reaction_added" if is_new else "reaction_removed"
        if not (self._world.is_installed(workspace) and self.is_subscribed(kind)):
            return None
        item = {"type": "message", "channel": message.channel, "ts": message.ts}
        event = {
            "type": kind,
            "user": workspace.user_id,
            "reaction": name,
            "item": item,
            "item_user": message.author,
        }
        return await self._sender.event(workspace, event)

    async def uninstall(self, workspace: SimulatedWorkspace) -> list[AppResponse]:
        """Remove the app from the workspace, or from its org if it is installed org-wide, as an admin does."""
        found = self._world.authorizations(workspace)
        org_wide = bool(found) and all(token.org_wide for token in found)
        return await self._revocations.remove_app(workspace, org_wide=org_wide)

    def show(
        self, workspace: SimulatedWorkspace, channel: str, document: dict[str, Any], message: Message | None = None
    ) -> None:
        """Show a message from a command's response or sent to a response_url.

        `message` is the one that the person acted on, which the document may replace or delete:
        https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
        """
        blocks, text = document.get("blocks") or [], str(document.get("text") or "")
        attachments = document.get("attachments") or []
        if message is not None and document.get("delete_original"):
            self._world.delete(message)
            return
        if message is not None and document.get("replace_original"):
            message.text, message.blocks, message.attachments = text, blocks, attachments
            message.is_edited = True
            self._world.changed(message)
            return
        if not (text or blocks or attachments):
            return
        public = document.get("response_type") == "in_channel"
        only_for = None if public else workspace.user_id
        bot = self._world.bot_user_id(workspace)
        thread_ts = str(document.get("thread_ts") or "")
        self._world.post(
            Message(
                workspace, channel, bot, text, only_for, blocks=blocks, thread_ts=thread_ts, attachments=attachments
            )
        )

    def _show_errors(self, opened: OpenView, errors: dict[str, str]) -> None:
        opened.errors = errors
        self._world.show_views(opened.workspace, opened.user_id)

    def _write(
        self, workspace: SimulatedWorkspace, text: str, *, private: bool = False, thread_ts: str = ""
    ) -> Message:
        only_for = workspace.user_id if private else None
        return self._world.post(
            Message(workspace, workspace.channel_id, workspace.user_id, text, only_for, thread_ts=thread_ts)
        )

    def _say(self, workspace: SimulatedWorkspace, text: str) -> None:
        self.show(workspace, workspace.channel_id, {"text": text})
