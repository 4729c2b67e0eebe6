"""Bolt's constraints of every kind, with payloads that match and payloads that do not."""

import re
from typing import Any

import pytest

from latchkey.dispatch import App
from latchkey.slackapi.requests.payload import Payload
from tests.dispatch.doubles import action, command, event, interaction, submission

CLOSED = interaction("view_closed", view={"callback_id": "form"})
SHORTCUT = interaction("shortcut", callback_id="s")
MESSAGE_ACTION = interaction("message_action", callback_id="s")
SUGGESTION = interaction("block_suggestion", action_id="o", block_id="b")
LEGACY = interaction("interactive_message", callback_id="old", actions=[{"name": "n"}])
DIALOG = interaction("dialog_submission", callback_id="old")
DIALOG_SUGGESTION = interaction("dialog_suggestion", callback_id="old")

TABLE: list[tuple[str, Any, Payload, bool]] = [
    ("event", "app_mention", event(), True),
    ("event", "message", event(), False),
    ("event", re.compile("^app_"), event(), True),
    ("event", {"type": "app_mention"}, event(), True),
    ("event", {"type": "message", "subtype": "file_share"}, event("message", subtype="file_share"), True),
    ("event", {"type": "message", "subtype": "file_share"}, event("message"), False),
    ("event", {"type": "message", "subtype": None}, event("message"), True),
    ("event", {"type": "message", "subtype": None}, event("message", subtype="me_message"), False),
    ("event", {"type": "message", "subtype": [None, "me_message"]}, event("message", subtype="me_message"), True),
    ("event", "message", event("message", subtype="channel_join"), True),
    ("message", "hello", event("message"), True),
    ("message", "hello", event("app_mention"), False),
    ("message", "goodbye", event("message"), False),
    ("message", re.compile("th[eo]re"), event("message"), True),
    ("message", "", event("message"), True),
    ("message", "", event("message", subtype="channel_join"), False),
    ("message", "", event("message", subtype="bot_message"), True),
    ("message", "x", event("message", text=None), False),
    ("command", "/hi", command(), True),
    ("command", "/h", command(), False),
    ("command", re.compile("^/h"), command(), True),
    ("action", "a", action(), True),
    ("action", "b", action(), False),
    ("action", {"block_id": "b"}, action(), True),
    ("action", {"block_id": "b", "action_id": "x"}, action(), False),
    ("action", {"type": "block_actions", "action_id": re.compile("a")}, action(), True),
    ("action", "old", LEGACY, True),
    ("action", "old", DIALOG, True),
    ("action", {"type": "interactive_message", "callback_id": "old"}, LEGACY, True),
    ("action", {"type": "dialog_submission", "callback_id": "old"}, LEGACY, False),
    ("block_action", "a", action(), True),
    ("block_action", "old", LEGACY, False),
    ("shortcut", "s", SHORTCUT, True),
    ("shortcut", "s", MESSAGE_ACTION, True),
    ("shortcut", {"type": "message_action", "callback_id": "s"}, SHORTCUT, False),
    ("global_shortcut", "s", SHORTCUT, True),
    ("global_shortcut", "s", MESSAGE_ACTION, False),
    ("message_shortcut", "s", MESSAGE_ACTION, True),
    ("view", "form", submission(), True),
    ("view", "form", CLOSED, False),
    ("view", {"type": "view_closed", "callback_id": "form"}, CLOSED, True),
    ("view_submission", re.compile("or"), submission(), True),
    ("view_closed", "form", CLOSED, True),
    ("options", "o", SUGGESTION, True),
    ("options", {"action_id": "o", "block_id": "x"}, SUGGESTION, False),
    ("options", "old", DIALOG_SUGGESTION, True),
    ("options", {"callback_id": "old"}, DIALOG_SUGGESTION, True),
    ("options", {"callback_id": "old"}, SUGGESTION, False),
    ("options", {"type": "dialog_suggestion", "callback_id": "old"}, DIALOG_SUGGESTION, True),
    ("options", {"type": "dialog_suggestion", "callback_id": re.compile("ol")}, DIALOG_SUGGESTION, True),
    ("options", {"type": "dialog_suggestion", "callback_id": "x"}, DIALOG_SUGGESTION, False),
    ("options", {"type": "dialog_suggestion", "callback_id": "old"}, SUGGESTION, False),
    ("options", {"type": "block_suggestion", "action_id": "o"}, SUGGESTION, True),
    ("options", {"type": "block_suggestion", "action_id": "o", "block_id": "b"}, SUGGESTION, True),
    ("options", {"type": "block_suggestion", "action_id": "o"}, DIALOG_SUGGESTION, False),
    ("event", re.compile("home"), event("app_home_opened"), True),
    ("event", re.compile("^message"), event("message"), True),
    ("event", re.compile("message.*"), event("message"), True),
]


@pytest.mark.parametrize(("decorator", "constraint", "payload", "expected"), TABLE)
def test_a_listener_gets_the_payloads_that_match(
    decorator: str, constraint: Any, payload: Payload, expected: bool
) -> None:
    app = App()
    getattr(app, decorator)(constraint)(lambda: None)
    assert bool(app.matching(payload)) is expected


def test_listeners_match_in_the_order_of_their_registration_also_if_one_is_added_later() -> None:
    app, payload = App(), event("message")
    constraints = ["message", re.compile("^mess"), {"type": "message"}, "reaction_added"]
    for constraint in constraints:
        app.event(constraint)(lambda: None)
    assert [listener.constraint for listener in app.matching(payload)] == constraints[:3]
    app.message("hello")(lambda: None)
    assert [listener.keyword for listener in app.matching(payload)] == [None, None, None, "hello"]


@pytest.mark.parametrize(
    ("decorator", "constraint"),
    [
        ("event", 7), ("event", {"subtype": "x"}), ("event", "message.channels"), ("event", {"type": "a", "nonsense": "b"}),
        ("command", 7), ("command", None), ("action", {}), ("action", {"action_id": 7}), ("action", {"type": "nonsense"}),
        ("action", {"action_id": "a", "nonsense": "b"}), ("shortcut", {"callback_id": "s"}), ("view", {"type": "x", "callback_id": "y"}),
        ("view", {}), ("options", {"nonsense": "x"}), ("message", 7),
        ("command", "hi"), ("command", ""), ("command", "/"), ("command", "/two words"), ("command", " /hi"),
        ("event", ""), ("event", "app mention"), ("event", "AppMention"), ("event", "app-mention"),
        ("event", {"type": "message.channels"}), ("event", re.compile(r"message\..*")), ("event", re.compile(r"^message\.(im|mpim)$")),
        ("event", re.compile("message.channels")),
        ("action", ""), ("action", {"action_id": ""}), ("shortcut", ""), ("view", ""), ("options", ""),
        ("options", {}), ("options", {"type": "block_suggestion"}), ("options", {"type": "dialog_suggestion"}),
        ("options", {"type": "nonsense", "action_id": "o"}), ("options", {"action_id": "o", "callback_id": "old"}),
        ("options", {"type": "dialog_suggestion", "action_id": "o"}),
    ],
)  # fmt: skip
def test_rejects_an_impossible_constraint_at_registration(decorator: str, constraint: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        getattr(App(), decorator)(constraint)


def test_a_decorator_returns_the_function() -> None:
    def listener() -> None: ...

    assert App().event("x")(listener) is listener
