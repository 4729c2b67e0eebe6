"""Turns the constraints of a registration into predicates on payloads (mirrors `slack_bolt.listener_matcher.builtins`).

Text must be equal, a pattern must be found anywhere (`re.search`), and a dict names fields that must all match. An
impossible constraint raises ValueError at registration; otherwise the listener would silently never run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from latchkey.slackapi.requests import Payload, as_object

Text: TypeAlias = str | re.Pattern[str]
Constraint: TypeAlias = Text | Mapping[str, Any]
Predicate: TypeAlias = Callable[[Payload], bool]

_ABSENT = object()
# Messages with text that somebody wrote; the same subtypes as in Bolt's `message`.
_WRITTEN_SUBTYPES = (None, "bot_message", "thread_broadcast", "file_share")


def matches(constraint: Text | None, value: object) -> bool:
    """Whether a field matches; a field that is absent or is not text never does."""
    if constraint is None or not isinstance(value, str):
        return False
    return value == constraint if isinstance(constraint, str) else constraint.search(value) is not None


def for_event(constraint: Constraint) -> Predicate:
    """Match the event's type, or `{"type": …, "subtype": …}`; with `subtype: None` there must be none."""
    fields = {"type": constraint} if isinstance(constraint, str | re.Pattern) else _fields(constraint)
    expected = _text(fields.pop("type", None), "an event's type")
    if isinstance(expected, str) and expected.startswith("message."):
        raise ValueError(f'"{expected}" is only a subscription; its events arrive as "message", so register for that')
    subtype = fields.pop("subtype", _ABSENT)
    _none_left(fields, "an event")
    return lambda payload: matches(expected, payload.type) and _subtype(subtype, payload.event)


def for_message(keyword: Text) -> Predicate:
    """Match a text or pattern in a message that somebody wrote; `""` matches every one."""
    pattern = re.compile(_text(keyword, "a message's keyword"))
    return lambda payload: (
        payload.type == "message"
        and _subtype(_WRITTEN_SUBTYPES, payload.event)
        and pattern.search(_message_text(payload)) is not None
    )


def keyword_matches(keyword: Text, payload: Payload) -> tuple[str, ...]:
    """Return Bolt's `context["matches"]`: the groups of the first match, or all matches if there are no groups."""
    found = re.findall(keyword, _message_text(payload))
    return found[0] if found and isinstance(found[0], tuple) else tuple(found)


def for_command(constraint: Constraint) -> Predicate:
    expected = _text(constraint, "a command")
    return lambda payload: matches(expected, payload.type)


def for_action(constraint: Constraint) -> Predicate:
    """Match action_id (callback_id of legacy buttons and dialogs), or a dict of type, block_id and action_id."""
    if isinstance(constraint, str | re.Pattern):
        return lambda payload: (
            matches(constraint, action_of(payload).get("action_id"))
            or (payload.type != "block_actions" and matches(constraint, payload.body.get("callback_id")))
        )
    fields = _fields(constraint)
    kind = fields.pop("type", "block_actions")
    if kind != "block_actions":
        return _by_callback_id(fields, kind, ("interactive_message", "dialog_submission", "dialog_cancellation"))
    expected = {
        name: _text(fields.pop(name), f"an action's {name}") for name in ("block_id", "action_id") if name in fields
    }
    _none_left(fields, "an action")
    if not expected:
        raise ValueError("an action needs an action_id or a block_id")
    return lambda payload: (
        payload.type == kind and all(matches(text, action_of(payload).get(name)) for name, text in expected.items())
    )


def for_shortcut(constraint: Constraint) -> Predicate:
    """Match the callback_id of a global or message shortcut, or a dict of type and callback_id."""
    if isinstance(constraint, str | re.Pattern):
        return lambda payload: matches(constraint, payload.body.get("callback_id"))
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
        return lambda payload: (
            matches(constraint, payload.body.get("action_id"))
            or (payload.type == "dialog_suggestion" and matches(constraint, payload.body.get("callback_id")))
        )
    expected = {name: _text(value, f"an option's {name}") for name, value in _fields(constraint).items()}
    _none_left(expected.keys() - {"action_id", "block_id", "callback_id"}, "options")
    return lambda payload: all(matches(text, payload.body.get(name)) for name, text in expected.items())


def action_of(payload: Payload) -> dict[str, Any]:
    """Return the first of a payload's actions, or {}; Slack sends one."""
    actions = payload.body.get("actions")
    first = actions[0] if isinstance(actions, list) and actions else None
    return as_object(first) or {}


def view_of(payload: Payload) -> dict[str, Any]:
    return as_object(payload.body.get("view")) or {}


def _by_callback_id(fields: dict[str, Any], kind: object, kinds: Sequence[str]) -> Predicate:
    if kind not in kinds:
        raise ValueError(f"the type must be one of {', '.join(kinds)}, not {kind!r}")
    expected = _text(fields.pop("callback_id", None), "a callback_id")
    _none_left(fields, "this listener")
    return lambda payload: payload.type == kind and matches(expected, payload.body.get("callback_id"))


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
    if isinstance(value, str | re.Pattern):
        return value
    raise ValueError(f"{what} must be text or a compiled pattern, not {type(value).__name__}")


def _none_left(fields: Any, what: str) -> None:
    if fields:
        raise ValueError(f"cannot match {what} by {', '.join(sorted(fields))}")
