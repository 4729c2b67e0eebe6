"""Turns the constraints of a registration into predicates on payloads (mirrors `slack_bolt.listener_matcher.builtins`).

Text must be equal, a pattern must be found anywhere (`re.search`), and a dict names fields that must all match. An
impossible constraint raises ValueError at registration; otherwise the listener would silently never run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from latchkey.dispatch.listeners.bolt_only import check_type
from latchkey.slackapi.requests import FUNCTION_EXECUTED, Payload, as_object

Text: TypeAlias = str | re.Pattern[str]
Constraint: TypeAlias = Text | Mapping[str, Any]
Predicate: TypeAlias = Callable[[Payload], bool]

_ABSENT = object()
_EVENT_TYPE = re.compile(r"[a-z0-9_]+")
_COMMAND = re.compile(r"/\S+")
_NEVER_A_COMMAND = re.compile(r"(\^|\\A)\w(?![?*{])[^|]*$")
# https://docs.slack.dev/reference/events: their payloads have the type "message".
_SUBSCRIPTIONS = ("message.app_home", "message.channels", "message.groups", "message.im", "message.mpim")
# Messages with text that somebody wrote; the same subtypes as in Bolt's `message`.
_WRITTEN_SUBTYPES = (None, "bot_message", "thread_broadcast", "file_share")


def matches(constraint: Text | None, value: object) -> bool:
    """Whether a field matches; a field that is absent or is not text never does."""
    if constraint is None or not isinstance(value, str):
        return False
    return value == constraint if isinstance(constraint, str) else constraint.search(value) is not None


def any_payload(_: Payload) -> bool:
    """Match every payload of the listener's kind."""
    return True


def for_event(constraint: Constraint) -> Predicate:
    """Match the event's type, or `{"type": …, "subtype": …}`; with `subtype: None` there must be none."""
    fields = {"type": constraint} if isinstance(constraint, str | re.Pattern) else _fields(constraint)
    expected = _text(fields.pop("type", None), "an event's type")
    check_type(expected)
    if _is_only_a_subscription(expected):
        shown = expected if isinstance(expected, str) else expected.pattern
        raise ValueError(f'"{shown}" is only a subscription; its events arrive as "message", so register for that')
    if isinstance(expected, str) and not _EVENT_TYPE.fullmatch(expected):
        raise ValueError(f'"{expected}" is no event type: they have only small letters, digits and underscores')
    subtype = fields.pop("subtype", _ABSENT)
    _none_left(fields, "an event")
    return lambda payload: matches(expected, payload.type) and _subtype(subtype, payload.event)


def for_message(keyword: Text) -> Predicate:
    """Match a text or pattern in a message that somebody wrote; `""` matches every one."""
    pattern = re.compile(_text(keyword, "a message's keyword") if keyword != "" else "")
    return lambda payload: (
        payload.type == "message"
        and _subtype(_WRITTEN_SUBTYPES, payload.event)
        and pattern.search(_message_text(payload)) is not None
    )


def keyword_matches(keyword: Text, payload: Payload) -> tuple[str, ...]:
    """Return Bolt's `context["matches"]`: the groups of the first match, or all matches if there are no groups."""
    found = re.findall(keyword, _message_text(payload))
    return found[0] if found and isinstance(found[0], tuple) else tuple(found)


def for_function(callback_id: Text) -> Predicate:
    """Match the callback_id of a custom step that is to be run."""
    text = _text(callback_id, "a function's callback_id")
    return lambda payload: (
        payload.type == FUNCTION_EXECUTED
        and matches(text, (as_object(payload.event.get("function")) or {}).get("callback_id"))
    )


def for_command(constraint: Constraint) -> Predicate:
    expected = _text(constraint, "a command")
    if isinstance(expected, str) and not _COMMAND.fullmatch(expected):
        raise ValueError(f'"{expected}" is no command: it must begin with "/" and contain no space')
    if isinstance(expected, re.Pattern) and _NEVER_A_COMMAND.match(expected.pattern):
        raise ValueError(f'the pattern "{expected.pattern}" matches no command: commands begin with "/"')
    return lambda payload: matches(expected, payload.type)


def for_action(constraint: Constraint) -> Predicate:
    """Match action_id (callback_id of legacy buttons and dialogs), or a dict of type, block_id and action_id."""
    if isinstance(constraint, str | re.Pattern):
        text = _text(constraint, "an action_id")
        return lambda payload: (
            matches(text, action_of(payload).get("action_id"))
            or (payload.type != "block_actions" and matches(text, payload.body.get("callback_id")))
        )
    fields = _fields(constraint)
    kind = fields.pop("type", "block_actions")
    if kind != "block_actions":
        return _by_callback_id(fields, kind, ("interactive_message", "dialog_submission", "dialog_cancellation"))
    expected = _named_texts(fields, ("block_id", "action_id"), "an action")
    return lambda payload: (
        payload.type == kind and all(matches(text, action_of(payload).get(name)) for name, text in expected.items())
    )


def for_shortcut(constraint: Constraint) -> Predicate:
    """Match the callback_id of a global or message shortcut, or a dict of type and callback_id."""
    if isinstance(constraint, str | re.Pattern):
        text = _text(constraint, "a callback_id")
        return lambda payload: matches(text, payload.body.get("callback_id"))
    fields = _fields(constraint)
    return _by_callback_id(fields, fields.pop("type", None), ("shortcut", "message_action"))


def for_view(constraint: Constraint) -> Predicate:
    """Match the callback_id of a submission, or of a closed view: `{"type": "view_closed", "callback_id": …}`."""
    fields = {"callback_id": constraint} if isinstance(constraint, str | re.Pattern) else _fields(constraint)
    kind = fields.pop("type", "view_submission")
    if kind not in ("view_submission", "view_closed"):
        raise ValueError(f"a view's type must be view_submission or view_closed, not {kind!r}")
    expected = _text(fields.pop("callback_id", None), "a view's callback_id")
    _none_left(fields, "a view")
    return lambda payload: payload.type == kind and matches(expected, view_of(payload).get("callback_id"))


def for_options(constraint: Constraint) -> Predicate:
    """Match the action_id of a select that loads its options, or the callback_id of a legacy dialog."""
    if isinstance(constraint, str | re.Pattern):
        text = _text(constraint, "an action_id")
        return lambda payload: (
            matches(text, payload.body.get("action_id"))
            or (payload.type == "dialog_suggestion" and matches(text, payload.body.get("callback_id")))
        )
    fields = _fields(constraint)
    kind = fields.pop("type", "dialog_suggestion" if "callback_id" in fields else "block_suggestion")
    if kind == "dialog_suggestion":
        return _by_callback_id(fields, kind, (kind,))
    if kind != "block_suggestion":
        raise ValueError(f"the type of options must be block_suggestion or dialog_suggestion, not {kind!r}")
    expected = _named_texts(fields, ("block_id", "action_id"), "options")
    return lambda payload: (
        payload.type == kind and all(matches(text, payload.body.get(name)) for name, text in expected.items())
    )


def action_of(payload: Payload) -> dict[str, Any]:
    """Return the first of a payload's actions, or {}; Slack sends one."""
    actions = payload.body.get("actions")
    first = actions[0] if isinstance(actions, list) and actions else None
    return as_object(first) or {}


def view_of(payload: Payload) -> dict[str, Any]:
    return as_object(payload.body.get("view")) or {}


def _by_callback_id(fields: dict[str, Any], kind: object, kinds: Sequence[str]) -> Predicate:
    check_type(kind)
    if kind not in kinds:
        raise ValueError(f"the type must be one of {', '.join(kinds)}, not {kind!r}")
    expected = _text(fields.pop("callback_id", None), "a callback_id")
    _none_left(fields, "this listener")
    return lambda payload: payload.type == kind and matches(expected, payload.body.get("callback_id"))


def _named_texts(fields: dict[str, Any], names: Sequence[str], what: str) -> dict[str, Text]:
    """Return those of the named fields that are given; raises ValueError if there are none, or others."""
    texts = {name: _text(fields.pop(name), f"the {name} of {what}") for name in names if name in fields}
    _none_left(fields, what)
    if not texts:
        raise ValueError(f"{what} must be named by {' or '.join(names)}")
    return texts


def _is_only_a_subscription(expected: Text) -> bool:
    """Whether it is meant for the names under which a manifest subscribes to messages, which no event has."""
    if isinstance(expected, str):
        return expected.startswith("message.")
    is_meant = "message" in expected.pattern and any(map(expected.search, _SUBSCRIPTIONS))
    return is_meant and expected.search("message") is None


def _subtype(expected: object, event: dict[str, Any]) -> bool:
    if expected is _ABSENT:
        return True
    if isinstance(expected, str | re.Pattern):
        return matches(expected, event.get("subtype"))
    if isinstance(expected, Sequence):
        return any(_subtype(one, event) for one in expected)
    return event.get("subtype") is None


def _message_text(payload: Payload) -> str:
    text = payload.event.get("text")
    return text if isinstance(text, str) else ""


def _fields(constraint: object) -> dict[str, Any]:
    if isinstance(constraint, Mapping):
        return dict(constraint)
    raise ValueError(f"a constraint must be text, a pattern or a dict, not {type(constraint).__name__}")


def _text(value: object, what: str) -> Text:
    if value == "":
        raise ValueError(f"{what} must not be empty")
    if isinstance(value, str | re.Pattern):
        return value
    raise ValueError(f"{what} must be text or a compiled pattern, not {type(value).__name__}")


def _none_left(fields: Any, what: str) -> None:
    if fields:
        raise ValueError(f"cannot match {what} by {', '.join(sorted(fields))}")
