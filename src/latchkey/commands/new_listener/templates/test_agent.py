"""Tests of new_listener.py. A listener is a function, so a test calls it with the arguments that it names."""

import asyncio
from unittest.mock import AsyncMock

from new_listener import answer, suggest


def test_suggests_what_to_ask():
    say, set_suggested_prompts = AsyncMock(), AsyncMock()
    asyncio.run(suggest(say=say, set_suggested_prompts=set_suggested_prompts))
    say.assert_awaited_once_with("How can I help?")
    set_suggested_prompts.assert_awaited_once_with(["What can you do?"])


def answered(**event):
    """Let the agent answer an event; returns its stream."""
    stream = AsyncMock()
    say_stream = AsyncMock(return_value=stream)
    asyncio.run(answer(event=event, set_status=AsyncMock(), say_stream=say_stream))
    return stream


def test_streams_the_answer():
    stream = answered(channel_type="im", text="Why?")
    written = [call.kwargs["markdown_text"] for call in stream.append.await_args_list]
    assert "".join(written) == "You asked: Why?"
    stream.stop.assert_awaited_once_with()


def test_ignores_messages_in_channels():
    assert not answered(channel_type="channel", text="Why?").append.await_count
