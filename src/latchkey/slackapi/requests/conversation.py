"""The thread and the kind of conversation that a payload is about, by Bolt's rules."""

from __future__ import annotations

from typing import Any

from latchkey.slackapi.requests.identity import as_object
from latchkey.slackapi.requests.payload import Payload

_ASSISTANT = ("assistant_thread_started", "assistant_thread_context_changed")
_HOLDERS = ("event", "assistant_thread", "message", "previous_message")


def thread_ts_of(body: dict[str, Any]) -> str | None:
    """Return the timestamp of the thread that a payload, or its message, is in; None outside of threads."""
    thread_ts = body.get("thread_ts")
    if thread_ts is not None:
        return thread_ts if isinstance(thread_ts, str) else None
    for name in _HOLDERS:
        holder = body.get(name)
        if isinstance(holder, dict):
            return thread_ts_of(holder)
    return None


def is_written_to_the_app(payload: Payload) -> bool:
    """Whether the event is a message that somebody wrote in a conversation with the app."""
    event = payload.event
    return (
        payload.type == "message" and event.get("channel_type") == "im" and event.get("subtype") in (None, "file_share")
    )


def takes_suggested_prompts(payload: Payload) -> bool:
    """Whether Slack may show suggested prompts in the event's conversation."""
    return (
        payload.type in _ASSISTANT
        or is_written_to_the_app(payload)
        or (payload.type == "app_home_opened" and payload.event.get("tab") == "messages")
    )


def assistant_thread_of(payload: Payload) -> str | None:
    """Return the timestamp of the thread with the app in which the event happened, or None.

    https://docs.slack.dev/reference/events/assistant_thread_started; any message in a thread of a conversation with the
    app counts as well.
    """
    if payload.type in _ASSISTANT:
        thread_ts = (as_object(payload.event.get("assistant_thread")) or {}).get("thread_ts")
    elif is_written_to_the_app(payload):
        thread_ts = payload.event.get("thread_ts")
    else:
        return None
    return thread_ts if isinstance(thread_ts, str) else None
