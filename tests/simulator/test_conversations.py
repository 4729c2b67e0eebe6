"""The methods that agents and other apps call beyond posting: history, edits, reactions, App Homes, streams, threads."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from latchkey.simulator.model import ApiCall, Message, SlackApp, World
from tests.simulator.simulation import Simulation, simulation

CHANNEL = "C0GENERAL"


class Installed:
    """A simulated Slack with the app's token."""

    def __init__(self, it: Simulation, token: str) -> None:
        self.slack, self.clock, self._it, self._token = it.slack, it.clock, it, token

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        encoded = {name: value if isinstance(value, str) else json.dumps(value) for name, value in arguments.items()}
        return await self._it.call(method, self._token, **encoded)

    async def error(self, method: str, **arguments: Any) -> str | None:
        return (await self.call(method, **arguments)).get("error")

    async def texts(self, method: str, **arguments: Any) -> list[str]:
        return [message["text"] for message in (await self.call(method, channel=CHANNEL, **arguments))["messages"]]


@asynccontextmanager
async def installed() -> AsyncIterator[Installed]:
    async with simulation() as it:
        yield Installed(it, (await it.exchange(it.code()))["access_token"])


@pytest.mark.gen_test
async def test_a_reply_is_in_its_thread_and_not_in_the_history() -> None:
    async with installed() as it:
        first = await it.call("chat.postMessage", channel=CHANNEL, text="first")
        await it.call("chat.postMessage", channel=CHANNEL, text="reply", thread_ts=first["ts"])
        await it.call("chat.postMessage", channel=CHANNEL, text="second")
        assert await it.texts("conversations.history") == ["second", "first"]
        assert await it.texts("conversations.history", limit="1") == ["second"]
        assert await it.texts("conversations.replies", ts=first["ts"]) == ["first", "reply"]
        assert await it.error("conversations.replies", channel=CHANNEL) == "thread_not_found"


@pytest.mark.gen_test
async def test_an_app_changes_its_own_messages_only() -> None:
    async with installed() as it:
        posted = await it.call("chat.postMessage", channel=CHANNEL, text="thinking")
        metadata = {"event_type": "kept", "event_payload": {"n": 1}}
        await it.call("chat.update", channel=CHANNEL, ts=posted["ts"], text="done", metadata=metadata)
        message = (await it.call("conversations.history", channel=CHANNEL))["messages"][0]
        assert (message["text"], message["metadata"]) == ("done", metadata)
        message = it.slack.world.messages[0]
        message.author = "U0ALICE"
        assert await it.error("chat.update", channel=CHANNEL, ts=posted["ts"], text="x") == "cant_update_message"
        assert await it.error("chat.update", channel=CHANNEL, ts="1.1", text="x") == "message_not_found"


@pytest.mark.gen_test
async def test_a_reaction_is_added_once() -> None:
    async with installed() as it:
        reaction = {"channel": CHANNEL, "timestamp": "1.1", "name": "eyes"}
        assert await it.error("reactions.add", **reaction) is None
        assert await it.error("reactions.add", **reaction) == "already_reacted"
        assert await it.error("reactions.add", channel=CHANNEL, name="eyes") == "no_item_specified"


@pytest.mark.gen_test
async def test_only_a_view_of_type_home_is_published() -> None:
    async with installed() as it:
        home = {"type": "home", "blocks": []}
        assert (await it.call("views.publish", user_id="U0ALICE", view=home))["view"]["type"] == "home"
        assert it.slack.world.homes["T0ACME", "U0ALICE"] == home
        assert await it.error("views.publish", user_id="U0ALICE", view={"type": "modal"}) == "invalid_arguments"


@pytest.mark.gen_test
async def test_a_direct_message_with_a_person_is_always_the_same() -> None:
    async with installed() as it:
        opened = [await it.call("conversations.open", users="U0ALICE") for _ in range(2)]
        assert opened[0] == opened[1]
        assert await it.error("conversations.open") == "users_list_not_supplied"


@pytest.mark.gen_test
async def test_a_stream_takes_text_until_it_is_stopped() -> None:
    async with installed() as it:
        assert await it.error("chat.startStream", channel=CHANNEL) == "invalid_arguments"
        started = await it.call("chat.startStream", channel=CHANNEL, thread_ts="1.1", markdown_text="one")
        place = {"channel": CHANNEL, "ts": started["ts"]}
        assert await it.error("chat.appendStream", **place) == "no_text"
        await it.call("chat.appendStream", **place, markdown_text=" two")
        chunk = {"type": "markdown_text", "text": " three"}
        await it.call("chat.appendStream", **place, chunks=[chunk])
        stopped = await it.call("chat.stopStream", **place, markdown_text=" four", blocks=[{"type": "divider"}])
        assert stopped["message"]["text"] == "one two three four"
        assert await it.error("chat.appendStream", **place, markdown_text="x") == "message_not_in_streaming_state"
        assert await it.error("chat.stopStream", **place) == "message_not_in_streaming_state"


@pytest.mark.gen_test
@pytest.mark.parametrize(("given", "expected"), [({}, "active"), ({"session_status": "suspended"}, "suspended")])
async def test_the_end_of_a_stream_sets_the_status_of_its_session(given: dict[str, str], expected: str) -> None:
    async with installed() as it:
        await it.call("agents.sessions.setStatus", channel_id=CHANNEL, thread_ts="1.1", status="processing")
        started = await it.call("chat.startStream", channel=CHANNEL, thread_ts="1.1", markdown_text="one")
        place = {"channel": CHANNEL, "ts": started["ts"]}
        assert await it.error("chat.stopStream", **place, session_status="done") == "invalid_arguments"
        await it.call("chat.stopStream", **place, **given)
        assert it.slack.world.agent_threads[CHANNEL, "1.1"].session == expected


@pytest.mark.gen_test
async def test_a_thread_has_a_status_a_title_and_prompts() -> None:
    async with installed() as it:
        thread = {"channel_id": "D1", "thread_ts": "1.1"}
        prompts = [{"title": "Help", "message": "Help me"}]
        await it.call("assistant.threads.setStatus", **thread, status="is thinking...")
        await it.call("assistant.threads.setTitle", **thread, title="Plans")
        await it.call("assistant.threads.setSuggestedPrompts", **thread, prompts=prompts)
        shown = it.slack.world.agent_threads["D1", "1.1"]
        assert (shown.status, shown.title, shown.prompts) == ("is thinking...", "Plans", prompts)
        await it.call("assistant.threads.setStatus", **thread, status="")
        assert shown.status == ""
        assert await it.error("assistant.threads.setStatus", channel_id="D1", status="x") == "invalid_arguments"
        assert await it.error("assistant.threads.setSuggestedPrompts", channel_id="D1", prompts=prompts) is None


@pytest.mark.gen_test
async def test_a_trigger_presents_the_details_of_an_object_once_within_three_seconds() -> None:
    async with installed() as it:
        world, acme = it.slack.world, it.slack.workspace()
        trigger_id = world.issue_trigger(acme, "U0ALICE")
        assert await it.error("entity.presentDetails", trigger_id=trigger_id) is None
        assert await it.error("entity.presentDetails", trigger_id=trigger_id) == "exchanged_trigger_id"
        late = world.issue_trigger(acme, "U0ALICE")
        it.clock.now += 3
        assert await it.error("entity.presentDetails", trigger_id=late) == "expired_trigger_id"


def test_a_simulated_slack_that_runs_for_long_keeps_only_what_is_newest() -> None:
    world = World(SlackApp("1.2", "sentinel", "sentinel", (), "http://127.0.0.1:9/"), keep=100)
    acme = world.workspaces["T0ACME"]
    for number in range(1_000):
        world.post(Message(acme, "C0GENERAL", "U0BOB", f"message {number}"))
        world.record(ApiCall("auth.test", "T0ACME", {"number": number}, {}))
        world.responded(number)
        world.issue_trigger(acme, "U0BOB")
        world.issue_response_path(acme, "C0GENERAL", "U0BOB")
    assert [message.text for message in world.messages] == [f"message {number}" for number in range(900, 1_000)]
    assert [call.arguments["number"] for call in world.calls] == world.responses == list(range(990, 1_000))
    assert len(world.triggers) == len(world.response_urls) == 100
