"""What people do on the simulator's page, and what the app receives."""

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.simulator.page.acting import act, install, read, texts
from tests.simulator.simulation import recording_app, simulation

PLAIN = {"type": "plain_text", "text": "T"}
FIELD = {
    "type": "input",
    "block_id": "b",
    "label": PLAIN,
    "element": {"type": "plain_text_input", "action_id": "a"},
}
MODAL = {"type": "modal", "callback_id": "form", "title": PLAIN, "submit": PLAIN, "blocks": [FIELD]}
BLOCKS = [{"type": "actions", "elements": [{"type": "button", "action_id": "go", "text": PLAIN}]}]


def payload(request: Any) -> dict[str, Any]:
    return dict(json.loads(dict(parse_qsl(request.body.decode()))["payload"]))


@pytest.mark.gen_test
async def test_plain_text_is_a_message_and_a_mention_is_both_events() -> None:
    async with recording_app() as (url, seen), simulation(url) as it:
        await install(it)
        await act(it, "write", text="a < b, @bob")
        await act(it, "write", text="@latchkey hello", channel="C0RANDOM", user="U0BOB")
        await act(it, "write", text="hi", channel="D0ALICE")
    events = [json.loads(request.body)["event"] for request in seen]
    assert [event["type"] for event in events] == ["message", "message", "app_mention", "message"]
    assert [event.get("channel_type") for event in events] == ["channel", "channel", None, "im"]
    assert events[0]["text"] == "a &lt; b, <@U0BOB>"
    assert (events[2]["user"], events[2]["channel"]) == ("U0BOB", "C0RANDOM")
    assert events[2]["text"] == "<@UBOTACME> hello"
    assert events[1]["ts"] == events[2]["ts"]


@pytest.mark.gen_test
async def test_only_subscribed_events_are_sent_to_an_app_with_a_manifest() -> None:
    async with recording_app() as (url, seen), simulation(url) as it:
        await install(it)
        it.slack.describe({"settings": {"event_subscriptions": {"bot_events": ["app_mention"]}}})
        await act(it, "write", text="@latchkey hello")
        await act(it, "open", tab="home")
        await act(it, "write", text="hello", channel="D0ALICE")
        assert (await texts(it, channel="D0ALICE"))[-1].endswith("because it does not subscribe to message.im.")
    assert [json.loads(request.body)["event"]["type"] for request in seen] == ["app_mention"]


@pytest.mark.gen_test
async def test_what_slack_does_not_send_is_explained() -> None:
    async with recording_app() as (url, seen), simulation(url) as it:
        await act(it, "write", text="@latchkey hello")
        await install(it)
        it.slack.describe({"features": {"slash_commands": [{"command": "/order"}]}})
        for text in ("@latchkey hello", "only people read this", "/ordre umbrella", "/order umbrella"):
            await act(it, "write", text=text)
        shown = await texts(it)
    assert [text for text in shown if " not " in text] == [
        "Slack does not send this to the app, because it is not in this workspace.",
        "Slack does not send this to the app, because it does not subscribe to app_mention.",
        "/ordre is not a command: the app's manifest does not have it.",
    ]
    assert [dict(parse_qsl(request.body.decode()))["command"] for request in seen] == ["/order"]


@pytest.mark.gen_test
async def test_a_workspace_without_the_app_sends_it_nothing() -> None:
    async with recording_app() as (url, seen), simulation(url) as it:
        await act(it, "write", text="@latchkey hello")
        await act(it, "write", text="/order")
        shown = await texts(it)
    assert not seen
    assert "not in this workspace" in shown[-1]


@pytest.mark.gen_test
async def test_button_sends_its_message_and_the_app_may_replace_it() -> None:
    async with recording_app() as (url, seen), simulation(url) as it:
        token = await install(it)
        posted = await it.call("chat.postMessage", token, channel="#general", text="x", blocks=json.dumps(BLOCKS))
        block = posted["message"]["blocks"][0]
        assert block["block_id"], "Slack gives each block an id"
        action = {"type": "button", "action_id": "go", "block_id": block["block_id"], "text": PLAIN}
        await act(it, "click", ts=posted["ts"], action=action, values={})
        body = payload(seen[0])
        await it.browser.post(body["response_url"], json.dumps({"replace_original": True, "text": "done"}))
        assert await texts(it) == ["done"]
        await it.browser.post(body["response_url"], json.dumps({"delete_original": True}))
        assert await texts(it) == []
    assert body["message"]["ts"] == body["container"]["message_ts"] == posted["ts"]
    assert body["channel"] == {"id": "C0GENERAL", "name": "general"}
    assert body["actions"][0].items() >= action.items()


@pytest.mark.gen_test
async def test_forms_are_kept_in_a_stack() -> None:
    async with recording_app() as (url, seen), simulation(url) as it:
        token = await install(it)
        world, acme = it.slack.world, it.slack.workspace()
        view = json.dumps({**MODAL, "notify_on_close": True})
        for method in ("views.open", "views.push", "views.push"):
            trigger = world.issue_trigger(acme, "U0ALICE")
            assert (await it.call(method, token, trigger_id=trigger, view=view))["ok"]
        trigger = world.issue_trigger(acme, "U0ALICE")
        refused = await it.call("views.push", token, trigger_id=trigger, view=view)
        assert refused["error"] == "push_limit_reached"
        first, second, third = (view["id"] for view in (await read(it, "state"))["views"])
        values = {"b": {"a": {"type": "plain_text_input", "value": "blue"}}}
        await act(it, "submit", view=third, values=values)
        await act(it, "close", view=second, all=True)
        assert not (await read(it, "state"))["views"]
    submitted, *closed = [payload(request) for request in seen]
    assert submitted["view"]["state"]["values"] == values
    assert (submitted["view"]["root_view_id"], submitted["view"]["previous_view_id"]) == (first, second)
    assert [(each["type"], each["is_cleared"]) for each in closed] == [("view_closed", True)] * 2


@pytest.mark.gen_test
async def test_views_update_refuses_an_old_hash() -> None:
    async with simulation() as it:
        token = await install(it)
        trigger = it.slack.world.issue_trigger(it.slack.workspace(), "U0ALICE")
        opened = (await it.call("views.open", token, trigger_id=trigger, view=json.dumps(MODAL)))["view"]
        update = {"view_id": opened["id"], "view": json.dumps(MODAL)}
        assert (await it.call("views.update", token, **update, hash=opened["hash"]))["ok"]
        assert (await it.call("views.update", token, **update, hash=opened["hash"]))["error"] == "hash_conflict"


@pytest.mark.gen_test
async def test_shortcuts_reactions_and_home_reach_the_app() -> None:
    async with recording_app() as (url, seen), simulation(url) as it:
        token = await install(it)
        ts = (await it.call("chat.postMessage", token, channel="C0GENERAL", text="x"))["ts"]
        await act(it, "shortcut", callback_id="new")
        await act(it, "message_shortcut", callback_id="copy", ts=ts)
        await act(it, "react", ts=ts, name="tada")
        await act(it, "react", ts=ts, name="tada")
        await act(it, "open", tab="home")
    first, second = payload(seen[0]), payload(seen[1])
    assert (first["type"], first["callback_id"]) == ("shortcut", "new")
    assert (second["type"], second["message"]["ts"]) == ("message_action", ts)
    added, removed, opened = [json.loads(request.body)["event"] for request in seen[2:]]
    assert (added["type"], removed["type"]) == ("reaction_added", "reaction_removed")
    assert added["item"] == {"type": "message", "channel": "C0GENERAL", "ts": ts}
    assert (opened["type"], opened["tab"], opened["channel"]) == ("app_home_opened", "home", "D0ALICE")


@pytest.mark.gen_test
async def test_stop_ends_the_streams_and_tells_the_app() -> None:
    async with recording_app() as (url, seen), simulation(url) as it:
        token = await install(it)
        stream = await it.call("chat.startStream", token, channel="D0ALICE", thread_ts="1.1", markdown_text="x")
        await act(it, "stop", channel="D0ALICE", thread_ts="1.1")
        append = {"channel": "D0ALICE", "ts": stream["ts"], "markdown_text": "y"}
        assert (await it.call("chat.appendStream", token, **append))["error"] == "stopped_by_user"
    event = json.loads(seen[-1].body)["event"]
    assert (event["type"], event["thread_ts"]) == ("agent_session_stopped", "1.1")
    assert event["streaming_message_ts"] == [stream["ts"]]


@pytest.mark.gen_test
async def test_messages_are_read_in_pages_and_replies_only_in_their_thread() -> None:
    async with simulation() as it:
        for number in range(130):
            await act(it, "write", text=str(number))
        first = await read(it, "messages")
        assert [message["text"] for message in first["messages"]] == [str(number) for number in range(30, 130)]
        assert first["more"]
        before = first["messages"][0]["ts"]
        assert await texts(it, before=before) == [str(number) for number in range(30)]
        await act(it, "write", text="reply", thread_ts=before)
        assert (await texts(it))[-1] == "129"
        assert await texts(it, thread=before) == ["30", "reply"]
        assert (await read(it, "messages"))["replies"] == {before: 1}


@pytest.mark.gen_test
async def test_private_messages_are_only_for_one_person() -> None:
    async with simulation() as it:
        token = await install(it)
        await it.call("chat.postEphemeral", token, channel="C0GENERAL", user="U0BOB", text="psst")
        assert await texts(it) == []
        assert await texts(it, user="U0BOB") == ["psst"]
