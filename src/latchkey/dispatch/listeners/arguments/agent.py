"""The arguments with which an agent shows what it does in a thread (mirrors Bolt's arguments of the same names).

Each function calls the API with the client of its listener: it returns a coroutine with an AsyncWebClient, otherwise
the response. Slack does not keep the context of an assistant's thread, so it is kept where Bolt keeps it: in the
metadata of the app's first reply. https://docs.slack.dev/ai/developing-ai-apps
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from latchkey.dispatch.listeners.arguments.bolt_function import BoltFunction
from latchkey.slackapi.requests import (
    AGENT_SESSION_STOPPED,
    Payload,
    as_object,
    assistant_thread_of,
    takes_suggested_prompts,
    thread_ts_of,
)

AGENT_ARGUMENTS = frozenset(
    {
        "get_thread_context",
        "save_thread_context",
        "say_stream",
        "set_session_status",
        "set_status",
        "set_suggested_prompts",
        "set_title",
    }
)
METADATA_TYPE = "assistant_thread_context"
MAX_REPLIES_TO_SEARCH = 4


class ThreadContext(dict[str, Any]):
    """What the person looks at beside the thread: `channel_id`, `team_id` and `enterprise_id`, also as attributes."""

    def __getattr__(self, name: str) -> Any:
        if name in ("channel_id", "team_id", "enterprise_id"):
            return self.get(name)
        raise AttributeError(f"a thread's context has no {name}")


def event_context(payload: Payload) -> ThreadContext | None:
    """Return the context that an event about an assistant's thread brings."""
    thread = as_object(payload.event.get("assistant_thread")) or {}
    context = as_object(thread.get("context")) or {}
    return ThreadContext(context) if context.get("channel_id") is not None else None


def context_metadata(context: Mapping[str, Any]) -> dict[str, Any]:
    return {"event_type": METADATA_TYPE, "event_payload": dict(context)}


class AgentFunctions:
    """The functions for one payload."""

    def __init__(
        self,
        payload: Payload,
        bot_user_id: str | None,
        client: Callable[[], Any],
        async_client: Callable[[], Any],
        run: Callable[[Coroutine[Any, Any, Any]], Any],
    ) -> None:
        """`client` returns the listener's own; `run` returns a coroutine for it, or runs it and returns its result."""
        self._payload = payload
        self._bot_user_id = bot_user_id
        self._client = client
        self._async_client = async_client
        self._run = run
        self._channel = payload.channel_id if payload.event else None
        self._thread = thread_ts_of(payload.body)
        self._thread_or_message = self._thread or payload.event.get("ts")

    def function(self, name: str) -> Callable[..., Any] | None:
        """Return one of them, or None if the payload is about no conversation that it is for."""
        if self._channel is None:
            return None
        if name in ("set_status", "say_stream"):
            is_for = bool(self._thread_or_message)
        elif name == "set_session_status":
            is_for = bool(self._thread_or_message) or self._payload.type == AGENT_SESSION_STOPPED
        elif name == "set_suggested_prompts":
            is_for = takes_suggested_prompts(self._payload)
        else:
            is_for = assistant_thread_of(self._payload) is not None
        return BoltFunction(getattr(self, name), partial(self._attributes, name)) if is_for else None

    def _attributes(self, name: str) -> dict[str, Any]:
        """Return the attributes of Bolt's object of the same name."""
        if name == "say_stream":
            workspace = self._payload.workspace
            return {
                "channel": self._channel,
                "thread_ts": self._thread_or_message,
                "recipient_team_id": workspace.team_id or workspace.enterprise_id,
                "recipient_user_id": self._payload.user_id,
                "client": self._client(),
            }
        is_for_message = name in ("set_status", "set_session_status")
        thread_ts = self._thread_or_message if is_for_message else self._thread
        return {"channel_id": self._channel, "thread_ts": thread_ts, "client": self._client()}

    def set_status(
        self,
        status: str,
        loading_messages: list[str] | None = None,
        icon_emoji: str | None = None,
        icon_url: str | None = None,
        username: str | None = None,
        **more: Any,
    ) -> Any:
        """Show what the app does, until it replies or sets "" (method assistant.threads.setStatus)."""
        return self._client().assistant_threads_setStatus(
            channel_id=self._channel,
            thread_ts=self._thread_or_message,
            status=status,
            loading_messages=loading_messages,
            icon_emoji=icon_emoji,
            icon_url=icon_url,
            username=username,
            **more,
        )

    def set_session_status(
        self,
        status: str,
        title: str | None = None,
        initiator_user_id: str | None = None,
        icon_emoji: str | None = None,
        icon_url: str | None = None,
        username: str | None = None,
        **more: Any,
    ) -> Any:
        """Set the status of the agent's session: `processing`, `active`, `suspended` or `closed`.

        While it is `processing`, Slack shows a stop button if the app has subscribed to `agent_session_stopped`. The
        title and the initiator count only for a new session. https://docs.slack.dev/ai/agent-sessions
        """
        return self._client().agents_sessions_setStatus(
            channel_id=self._channel,
            thread_ts=self._thread_or_message,
            status=status,
            title=title,
            initiator_user_id=initiator_user_id,
            icon_emoji=icon_emoji,
            icon_url=icon_url,
            username=username,
            **more,
        )

    def set_title(self, title: str) -> Any:
        """Name the thread in the list of threads (method assistant.threads.setTitle)."""
        return self._client().assistant_threads_setTitle(title=title, channel_id=self._channel, thread_ts=self._thread)

    def set_suggested_prompts(
        self, prompts: Sequence[str | dict[str, str]], title: str | None = None, thread_ts: str | None = None
    ) -> Any:
        """Offer up to four messages to send; a text is both the title and the message."""
        return self._client().assistant_threads_setSuggestedPrompts(
            channel_id=self._channel,
            thread_ts=thread_ts if thread_ts is not None else self._thread,
            prompts=[{"title": prompt, "message": prompt} if isinstance(prompt, str) else prompt for prompt in prompts],
            title=title,
        )

    def say_stream(
        self,
        *,
        buffer_size: int | None = None,
        channel: str | None = None,
        recipient_team_id: str | None = None,
        recipient_user_id: str | None = None,
        thread_ts: str | None = None,
        **more: Any,
    ) -> Any:
        """Return slack_sdk's stream of one reply in the thread: `append(markdown_text=…)`, then `stop()`."""
        workspace = self._payload.workspace
        if buffer_size is not None:
            more["buffer_size"] = buffer_size
        return self._client().chat_stream(
            channel=channel or self._channel,
            recipient_team_id=recipient_team_id or workspace.team_id or workspace.enterprise_id,
            recipient_user_id=recipient_user_id or self._payload.user_id,
            thread_ts=thread_ts or self._thread_or_message,
            **more,
        )

    def get_thread_context(self) -> Any:
        """Return the ThreadContext, from the event or the app's first reply; None if there is none."""
        return self._run(self._find())

    def save_thread_context(self, new_context: Mapping[str, Any]) -> Any:
        """Keep another context with the app's first reply in the thread; without a reply, nothing is kept."""
        return self._run(self._save(new_context))

    async def _find(self) -> ThreadContext | None:
        context = event_context(self._payload)
        if context is None and self._payload.event.get("thread_ts") is not None:
            metadata = as_object((await self._first_reply() or {}).get("metadata")) or {}
            context = ThreadContext(as_object(metadata.get("event_payload")) or {}) or None
        return context

    async def _save(self, context: Mapping[str, Any]) -> None:
        reply = await self._first_reply()
        if reply is not None:
            await self._async_client().chat_update(
                channel=self._channel,
                ts=reply["ts"],
                text=reply.get("text"),
                blocks=reply.get("blocks"),
                metadata=context_metadata(context),
            )

    async def _first_reply(self) -> dict[str, Any] | None:
        response = await self._async_client().conversations_replies(
            channel=self._channel,
            ts=self._thread,
            oldest=self._thread,
            include_all_metadata=True,
            limit=MAX_REPLIES_TO_SEARCH,
        )
        for message in response.get("messages") or ():
            if message.get("subtype") is None and message.get("user") == self._bot_user_id:
                return dict(message)
        return None
