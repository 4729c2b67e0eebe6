"""Tests of new_listener.py. A listener is a function, so a test calls it with the arguments that it names."""

import asyncio

from new_listener import reply


def test_greets_the_person_who_mentions_the_app():
    said = []

    async def say(text):
        said.append(text)

    asyncio.run(reply(event={"user": "U0ALICE", "text": "<@U0BOT> hi"}, say=say))
    assert said == ["Hello <@U0ALICE>!"]
