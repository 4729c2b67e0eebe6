"""Legal but unusual payloads: edits, assistant threads, org-wide views, cut texts, odd ids, the largest forms."""

import asyncio
import json
from typing import Any

import pytest
from slack_sdk.models.blocks import SectionBlock
from slack_sdk.oauth.installation_store import Installation

from latchkey.dispatch import App
from latchkey.simulator import FORM, JSON, Slack, Token
from latchkey.slackapi.requests import MAX_BODY_BYTES
from latchkey.storage import Store
from tests.support.waiting import until

CUT = "cut \ud83d"
REPAIRED = "cut \ufffd"
DURABLE = pytest.mark.parametrize("settings", [{"events": {"durable": True}}, {"events": {"durable": False}}])


@pytest.fixture
def installed_by_org(store: Store, slack: Slack) -> Slack:
    """A simulated Slack whose org Forest, with the workspace Cedar, has installed the app."""
    cedar = slack.workspace("T0CEDAR")
    token = slack.world.issue_token("xoxb", Token(cedar, "UBOTCEDAR", True, True, "chat:write"))
    store.installations.save(
        Installation(
            enterprise_id="E0FOREST", user_id="U0ALICE", bot_token=token, bot_user_id="UBOTCEDAR",
            is_enterprise_install=True, installed_at=1_700_000_000.0,
        )
    )  # fmt: skip
    return slack


@DURABLE
@pytest.mark.gen_test
async def test_own_edits_and_deletions_run_no_listener(
    settings: Any, http_server: object, installed: Slack, listeners: App
) -> None:
    """A listener that answers and then edits its answer would otherwise be called by its own edit, without end."""
    acme, seen = installed.workspace(), []
    own = {"user": installed.world.bot_user_id(acme), "bot_id": "B0ACME", "ts": "1.1"}
    listeners.event({"type": "message"})(lambda event, user_id: seen.append((event["subtype"], user_id)))
    for inner in (
        {"subtype": "message_changed", "message": own, "previous_message": own},
        {"subtype": "message_changed", "message": {"bot_id": "B0ACME"}},
        {
            "subtype": "message_changed",
            "message": {"subtype": "tombstone", "user": "USLACKBOT"},
            "previous_message": own,
        },
        {"subtype": "message_deleted", "previous_message": own},
        {"subtype": "message_changed", "message": {"user": "U0ALICE"}},
        {"subtype": "message_changed", "message": {"user": "UOTHER", "bot_id": "B0OTHER"}},
    ):
        event = {"type": "message", "channel": "C0GENERAL", "ts": "2.1", **inner}
        assert (await installed.sender.event(acme, event)).status == 200
    await until(lambda: len(seen) == 2)
    assert seen == [("message_changed", "U0ALICE"), ("message_changed", "UOTHER")]


@pytest.mark.gen_test
@pytest.mark.parametrize("kind", ["assistant_thread_started", "assistant_thread_context_changed"])
@pytest.mark.parametrize("is_async", [True, False])
async def test_say_posts_in_the_assistants_thread(
    http_server: object, installed: Slack, listeners: App, kind: str, is_async: bool
) -> None:
    async def greet(say: Any, user_id: str) -> None:
        await say(f"Hello {user_id}")
        await say("Elsewhere", channel="C0OTHER")

    def greet_blocking(say: Any, user_id: str) -> None:
        say(f"Hello {user_id}")
        say("Elsewhere", channel="C0OTHER")

    listeners.event(kind)(greet if is_async else greet_blocking)
    thread = {"user_id": "U0ALICE", "context": {"channel_id": "C9"}, "channel_id": "D0ALICE", "thread_ts": "1.1"}
    answer = await installed.sender.event(installed.workspace(), {"type": kind, "assistant_thread": thread})
    assert answer.status == 200
    await until(lambda: len(installed.world.calls) == 2)
    posted = [
        (call.arguments["channel"], call.arguments["text"], call.arguments.get("thread_ts"))
        for call in installed.world.calls
    ]
    assert posted == [("D0ALICE", "Hello U0ALICE", "1.1"), ("C0OTHER", "Elsewhere", None)]


@pytest.mark.gen_test
async def test_an_org_wide_view_is_handled_for_its_workspace(
    http_server: object, installed_by_org: Slack, listeners: App
) -> None:
    """https://github.com/slackapi/bolt-js/issues/1720."""
    contexts: list[Any] = []

    @listeners.view("form")
    async def submitted(ack: Any, client: Any, context: Any) -> None:
        await ack()
        contexts.append((context.team_id, context.enterprise_id))
        await client.users_list()

    view = {"id": "V1", "callback_id": "form", "team_id": "T0CEDAR", "app_installed_team_id": "E0FOREST"}
    fields = {"team": None, "view": view, "is_enterprise_install": True}
    cedar = installed_by_org.workspace("T0CEDAR")
    assert (await installed_by_org.sender.interaction(cedar, "view_submission", fields)).status == 200
    await until(lambda: installed_by_org.world.calls)
    assert contexts == [("T0CEDAR", "E0FOREST")]
    assert installed_by_org.world.calls[0].arguments["team_id"] == "T0CEDAR"


@DURABLE
@pytest.mark.gen_test
async def test_a_cut_text_in_an_event_is_delivered_repaired(
    settings: Any, http_server: object, installed: Slack, listeners: App
) -> None:
    seen: list[Any] = []

    @listeners.message(REPAIRED)
    async def heard(event: dict[str, Any], say: Any, client: Any, logger: Any) -> None:
        seen.append(event)
        logger.error("heard %s", event["text"])
        await say(CUT, metadata={"event_type": "e", "event_payload": {"text": CUT}})
        await client.users_list(cursor=CUT)

    event = {"type": "message", "user": "U0ALICE", "channel": "C0GENERAL", "text": CUT, CUT: [CUT]}
    assert (await installed.sender.event(installed.workspace(), event)).status == 200
    await until(lambda: len(installed.world.calls) == 2)
    assert (seen[0]["text"], seen[0][REPAIRED]) == (REPAIRED, [REPAIRED])
    posted, listed = (call.arguments for call in installed.world.calls)
    assert (posted["text"], posted["metadata"]["event_payload"]) == (REPAIRED, {"text": REPAIRED})
    assert listed["cursor"] == REPAIRED


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ({"text": CUT}, REPAIRED),
        ({"text": CUT, "response_type": "in_channel"}, {"text": REPAIRED, "response_type": "in_channel"}),
        ({"blocks": [SectionBlock(text=CUT)]}, {"text": "", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": REPAIRED}}]}),
    ],
)  # fmt: skip
async def test_ack_and_respond_send_a_cut_text_repaired(
    http_server: object, installed: Slack, listeners: App, reply: dict[str, Any], expected: Any
) -> None:
    @listeners.command("/cut")
    async def cut(ack: Any, respond: Any, command: dict[str, Any]) -> None:
        assert command["text"].startswith("cut \ufffd")
        await ack(**reply)
        await respond(**reply)

    body = installed.sender.send(
        "command", b"command=%2Fcut&team_id=T0ACME&user_id=U0ALICE&text=cut+%ED%A0%BD&response_url=" + response_url(installed), FORM
    )  # fmt: skip
    answer = await body
    assert answer.status == 200
    assert (answer.document or answer.body) == expected
    await until(lambda: installed.world.messages)
    shown = installed.world.messages[-1]
    blocks = [{name: value for name, value in block.items() if name != "block_id"} for block in shown.blocks]
    assert (shown.text, blocks) == ((REPAIRED, []) if "text" in reply else ("", expected["blocks"]))


def response_url(slack: Slack) -> bytes:
    path = slack.world.issue_response_path(slack.workspace(), "C0GENERAL", "U0ALICE")
    return (slack.url + path).replace(":", "%3A").replace("/", "%2F").encode()


@pytest.mark.gen_test
async def test_a_cut_text_in_a_form_is_delivered_repaired(
    http_server: object, installed: Slack, listeners: App
) -> None:
    seen: list[Any] = []
    listeners.view("form")(lambda ack, view: seen.append(view) or ack())
    view = {"callback_id": "form", "private_metadata": CUT, "state": {"values": {"b": {"a": {"value": CUT}}}}}
    assert (await installed.sender.interaction(installed.workspace(), "view_submission", {"view": view})).status == 200
    assert (seen[0]["private_metadata"], seen[0]["state"]["values"]["b"]["a"]["value"]) == (REPAIRED, REPAIRED)


@DURABLE
@pytest.mark.gen_test
async def test_an_event_with_unusual_fields_runs_its_listeners(
    settings: Any, http_server: object, installed: Slack, listeners: App
) -> None:
    """A refusal would count as a failed delivery: https://github.com/slackapi/bolt-python/issues/1447."""
    seen: list[Any] = []
    listeners.event("new_in_2027")(lambda user_id, channel_id: seen.append((user_id, channel_id)))
    odd: list[dict[str, Any]] = [
        {"user": ["U1"], "channel": ["C1"]}, {"user": 7, "channel": 12}, {"user": {"id": ["U1"]}, "channel": {"id": {}}},
        {"user": None, "channel": "C 1"}, {"user": "x" * 100_000, "channel": {"name": "general"}}, {"user": CUT},
    ]  # fmt: skip
    for fields in odd:
        event = {"type": "new_in_2027", "item": ["i"], "message": "m", "assistant_thread": 1, **fields}
        assert (await installed.sender.event(installed.workspace(), event, wrapper={"enterprise_id": []})).status == 200
    body = installed.sender.event_body(installed.workspace(), {"type": "new_in_2027", "size": 7, "user": "U1"})
    assert (await installed.sender.send("event", body.replace(b": 7", b": 1e400"), JSON)).status == 200
    await until(lambda: len(seen) == 7)
    assert seen == [(None, None)] * 6 + [("U1", None)]


@pytest.mark.gen_test
@pytest.mark.parametrize("event", [None, 7, "app_mention", ["app_mention"], {}, {"type": 7}, {"type": ["app_mention"]}])
async def test_an_event_without_a_type_is_acknowledged(
    http_server: object, installed: Slack, listeners: App, event: object
) -> None:
    ran: list[int] = []
    listeners.event("app_mention")(lambda: ran.append(1))
    body = json.dumps({"type": "event_callback", "team_id": "T0ACME", "event_id": "Ev1", "event": event}).encode()
    assert (await installed.sender.send("event", body, JSON)).status == 200
    await asyncio.sleep(0)
    assert not ran


def largest_form(text: str) -> dict[str, Any]:
    """Return a submitted view with the most and the longest answers that Slack allows."""
    inputs = [
        {"type": "input", "block_id": f"b{n}", "label": {"type": "plain_text", "text": "x" * 2000}} for n in range(100)
    ]
    values = {f"b{n}": {"a": {"type": "plain_text_input", "value": text * 3000}} for n in range(100)}
    return {"callback_id": "form", "private_metadata": "x" * 3000, "blocks": inputs, "state": {"values": values}}


@pytest.mark.gen_test
@pytest.mark.parametrize(("text", "megabytes"), [("語", 2.4), ("😀", 4.8)])
async def test_accepts_the_largest_form_that_slack_allows(
    http_server: object, installed: Slack, listeners: App, text: str, megabytes: float
) -> None:
    seen: list[Any] = []
    listeners.view("form")(lambda ack, view: seen.append(view) or ack())
    sent = largest_form(text)
    answer = await installed.sender.interaction(installed.workspace(), "view_submission", {"view": sent})
    assert answer.status == 200
    assert seen == [sent]
    assert megabytes * 1e6 < MAX_BODY_BYTES


@DURABLE
@pytest.mark.gen_test
async def test_accepts_an_edit_of_the_longest_message(
    settings: Any, http_server: object, installed: Slack, listeners: App
) -> None:
    seen: list[Any] = []
    listeners.event({"type": "message", "subtype": "message_changed"})(lambda event: seen.append(event["message"]))
    text = "😀" * 40_000
    message = {"user": "U0ALICE", "text": text, "blocks": [{"type": "rich_text", "elements": [{"text": text}]}]}
    event = {
        "type": "message",
        "subtype": "message_changed",
        "channel": "C0GENERAL",
        "message": message,
        "previous_message": message,
    }
    assert (await installed.sender.event(installed.workspace(), event)).status == 200
    await until(lambda: seen)
    assert seen == [message]
