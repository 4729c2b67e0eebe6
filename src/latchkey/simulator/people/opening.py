"""What people open: App Homes, threads with an agent, shortcuts, menus; and the agent's stop button."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from latchkey.simulator.model import AgentThread, Message, OpenView, World, message_document
from latchkey.simulator.sending import AppResponse, Sender, payloads
from latchkey.simulator.workspaces import SimulatedWorkspace


class Opening:
    """The part of `People` that starts something."""

    def __init__(self, world: World, sender: Sender) -> None:
        self._world = world
        self._sender = sender

    def is_subscribed(self, event: str) -> bool:
        """Return whether the app's manifest subscribes to an event; an app without a manifest gets all of them."""
        if not self._world.manifest:
            return True
        subscriptions = (self._world.manifest.get("settings") or {}).get("event_subscriptions") or {}
        return event in [*(subscriptions.get("bot_events") or ()), *(subscriptions.get("user_events") or ())]

    async def open_home(self, workspace: SimulatedWorkspace, tab: str = "home") -> AppResponse | None:
        """Open a tab of the app: `home`, or `messages`, which are the direct messages with it.

        https://docs.slack.dev/reference/events/app_home_opened
        """
        if not (self._world.is_installed(workspace) and self.is_subscribed("app_home_opened")):
            return None
        event = {
            "type": "app_home_opened",
            "user": workspace.user_id,
            "channel": self._world.directory.channel(workspace, workspace.user_id).channel_id,
            "tab": tab,
        }
        home = self._world.home_views.get((workspace.team_id, workspace.user_id))
        if home is not None and tab == "home":
            event["view"] = payloads.of_view(self._world, home, {})  # type: ignore[assignment]
        return await self._sender.event(workspace, event)

    async def act_in_view(
        self, opened: OpenView, action: dict[str, Any], values: dict[str, dict[str, Any]]
    ) -> AppResponse:
        """Use an element of a form or an App Home; `values` are those of all its elements."""
        return await self._sender.view_action(opened, action, values)

    async def shortcut(self, workspace: SimulatedWorkspace, callback_id: str) -> AppResponse:
        """Use a global shortcut; https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload."""
        fields = {"callback_id": callback_id, "action_ts": self._world.timestamp()}
        return await self._sender.interaction(workspace, "shortcut", fields)

    async def message_shortcut(self, workspace: SimulatedWorkspace, callback_id: str, message: Message) -> AppResponse:
        """Use a shortcut of a message."""
        fields = {
            "callback_id": callback_id,
            "action_ts": self._world.timestamp(),
            "message_ts": message.ts,
            "message": message_document(self._world, message),
            "channel": payloads.channel_field(self._world, workspace, message.channel),
            "response_url": self._sender.response_url(workspace, message.channel, message),
        }
        return await self._sender.interaction(workspace, "message_action", fields)

    async def options(
        self,
        workspace: SimulatedWorkspace,
        element: dict[str, str],
        typed: str,
        *,
        message: Message | None = None,
        opened: OpenView | None = None,
    ) -> list[dict[str, Any]]:
        """Return the options or groups of options that the app offers for what was typed.

        `element`: its action_id and block_id. https://docs.slack.dev/reference/interaction-payloads/block_suggestion-payload
        """
        fields: dict[str, Any] = {**element, "value": typed}
        if opened is not None:
            fields["container"] = {"type": "view", "view_id": opened.view_id}
            fields["view"] = payloads.of_view(self._world, opened, {})
        elif message is not None:
            fields |= payloads.of_message(self._world, message)
        document = (await self._sender.interaction(workspace, "block_suggestion", fields)).document
        found: list[dict[str, Any]] = document.get("options") or document.get("option_groups") or []
        return found

    async def start_thread(self, workspace: SimulatedWorkspace) -> Message:
        """Begin a thread with an app that has Slack's older view for assistants.

        https://docs.slack.dev/reference/events/assistant_thread_started
        """
        channel = self._world.directory.channel(workspace, workspace.user_id).channel_id
        bot = self._world.bot_user_id(workspace)
        message = Message(workspace, channel, bot, "New assistant thread", subtype="assistant_app_thread")
        root = self._world.post(message)
        root.thread_ts = root.ts
        self._world.changed(root)
        context = {"channel_id": workspace.channel_id, "team_id": workspace.team_id, "enterprise_id": None}
        thread = {
            "user_id": workspace.user_id,
            "context": context,
            "channel_id": channel,
            "thread_ts": root.ts,
        }
        await self._sender.event(workspace, {"type": "assistant_thread_started", "assistant_thread": thread})
        return root

    async def stop_agent(self, workspace: SimulatedWorkspace, channel: str, thread_ts: str) -> AppResponse:
        """Click the stop button of an agent: its streams end, and the app is asked to stop its work.

        https://docs.slack.dev/reference/events/agent_session_stopped
        """
        streaming = [
            message
            for message in self._world.messages
            if message.workspace == workspace
            and message.channel == channel
            and message.is_streaming
            and thread_ts in (message.ts, message.thread_ts)
        ]
        for message in streaming:
            message.is_streaming, message.is_stopped = False, True
            self._world.changed(message)
        event = {
            "type": "agent_session_stopped",
            "channel": channel,
            "thread_ts": thread_ts,
            "user": workspace.user_id,
            "streaming_message_ts": [message.ts for message in streaming],
        }
        return await self._sender.event(workspace, event)

    async def open_details(self, workspace: SimulatedWorkspace, url: str) -> AppResponse:
        """Click a Work Object, the preview of a link to this URL; the app presents its details within three seconds.

        https://docs.slack.dev/reference/events/entity_details_requested
        """
        event = {
            "type": "entity_details_requested",
            "user": workspace.user_id,
            "external_ref": {"id": url.rpartition("/")[2]},
            "entity_url": url,
            "link": {"url": url, "domain": urlsplit(url).hostname},
            "app_unfurl_url": url,
            "trigger_id": self._world.issue_trigger(workspace, workspace.user_id),
            "user_locale": "en-US",
            "channel": workspace.channel_id,
            "message_ts": self._world.timestamp(),
        }
        return await self._sender.event(workspace, event)

    def agent_thread(self, workspace: SimulatedWorkspace, channel: str, thread_ts: str) -> dict[str, Any]:
        """Return what an agent shows in a thread besides its messages."""
        return asdict(self._world.agent_threads.get((channel, thread_ts), AgentThread()))
