"""Knows the streamed messages that people have stopped: their listeners fail, and must not run again.

While an agent works, Slack shows a stop button. A click ends its streams, so that Slack refuses what the listener adds,
and the event `agent_session_stopped` names them. Run again, the listener would begin a second reply.
https://docs.slack.dev/reference/events/agent_session_stopped
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import TypeAlias

from slack_sdk.errors import SlackApiError

from latchkey.slackapi.client import error_code
from latchkey.slackapi.requests import Payload

MAX_STOPPED = 1000
"""The latest stopped streams, which are kept in memory."""
REPORT_TIMEOUT = 3.0
"""Seconds to wait for the event that says who has ended a stream."""

STOPPED_BY_USER = "stopped_by_user"
"""Slack's error code for a stream that a person has stopped.

https://docs.slack.dev/reference/methods/chat.appendStream
"""
NOT_STREAMING = "message_not_in_streaming_state"
"""Slack's error code for a stream that has ended: stopped by a person, by the app, or because it took too long.

https://docs.slack.dev/reference/methods/chat.stopStream
"""

Stream: TypeAlias = tuple[str, str]
"""A message's channel and its `ts`."""


class StoppedStreams:
    """The streams that people have stopped."""

    def __init__(self) -> None:
        self._streams: dict[Stream, None] = {}
        self._reported = asyncio.Event()

    def note(self, payload: Payload) -> None:
        """Note the streams that an event `agent_session_stopped` names."""
        channel, stopped = payload.channel_id, payload.event.get("streaming_message_ts")
        if channel is None or not isinstance(stopped, list):
            return
        self._streams.update({(channel, ts): None for ts in stopped if isinstance(ts, str)})
        while len(self._streams) > MAX_STOPPED:
            del self._streams[next(iter(self._streams))]
        self._reported.set()

    async def explains(self, error: Exception) -> bool:
        """Whether a listener raised this because a person has stopped its stream."""
        for refusal in _refusals(error):
            code = error_code(refusal)
            if code == STOPPED_BY_USER:
                return True
            if code == NOT_STREAMING and (stream := _stream_of(refusal)) is not None:
                return await self._is_reported(stream)
        return False

    async def _is_reported(self, stream: Stream) -> bool:
        """Wait until an event names the stream; False if none does in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(REPORT_TIMEOUT):
                while stream not in self._streams:
                    self._reported.clear()
                    await self._reported.wait()
        return stream in self._streams


def _refusals(error: Exception) -> Iterator[SlackApiError]:
    """Return Slack's refusals among an error, its causes, which may be a circle, and the errors that it groups."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()  # by id(): an author's exceptions need not be hashable
    while waiting:
        found = waiting.pop()
        if found is None or id(found) in seen:
            continue
        seen.add(id(found))
        if isinstance(found, SlackApiError):
            yield found
        if isinstance(found, BaseExceptionGroup):
            waiting.extend(found.exceptions)
        waiting.extend((found.__cause__, found.__context__))


def _stream_of(refusal: SlackApiError) -> Stream | None:
    """Return the stream that a refused call was for; None if its error was not made by slack_sdk."""
    sent = getattr(refusal.response, "req_args", None)
    for name in ("json", "data", "params"):
        fields = sent.get(name) if isinstance(sent, dict) else None
        channel, ts = (fields.get("channel"), fields.get("ts")) if isinstance(fields, dict) else (None, None)
        if isinstance(channel, str) and isinstance(ts, str):
            return channel, ts
    return None
