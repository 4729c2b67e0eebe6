"""Tests of new_listener.py. A listener is a function, so a test calls it with the arguments that it names."""

import asyncio
from unittest.mock import AsyncMock

from new_listener import FORM, open_form, submit


def test_command_opens_the_form():
    ack, client = AsyncMock(), AsyncMock()
    asyncio.run(open_form(ack=ack, client=client, command={"trigger_id": "1.2.3"}))
    client.views_open.assert_awaited_once_with(trigger_id="1.2.3", view=FORM)
    ack.assert_awaited_once_with()


def submitted(name):
    """Submit the form with this name; returns what was called."""
    ack, client = AsyncMock(), AsyncMock()
    view = {"state": {"values": {"answer": {"text": {"value": name}}}}}
    asyncio.run(submit(ack=ack, body={"user": {"id": "U0ALICE"}}, client=client, view=view))
    return ack, client


def test_submitted_form_greets_the_person():
    ack, client = submitted("Ada")
    ack.assert_awaited_once_with()
    client.chat_postMessage.assert_awaited_once_with(channel="U0ALICE", text="Hello Ada!")


def test_name_of_one_letter_is_refused():
    ack, client = submitted("A")
    ack.assert_awaited_once_with(response_action="errors", errors={"answer": "Type at least two letters."})
    client.chat_postMessage.assert_not_awaited()
