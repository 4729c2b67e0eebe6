"""Which payloads a listener is for: Bolt's constraints, turned into predicates when they are registered.

Rule: text must be equal, a pattern must be found somewhere (`re.search`), and a
dict names several fields that must all match. An impossible constraint is a
ValueError at registration, not a listener that never runs.
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
# What people write: plain messages, and those kinds that still are somebody's words (as Bolt's `message` has it).
_WORDS = (None, "bot_message", "thread_broadcast", "file_share")


def matches(constraint: Text | None, value: object) -> bool:
    """Whether a field has the wanted value; a field that is absent or no text never has."""
    if constraint is None or not isinstance(value, str):
        return False
    return value == constraint if isinstance(constraint, str) else constraint.search(value) is not None


def for_event(constraint: Constraint) -> Predicate:
    """By the event's type, or by `{"type": …, "subtype": …}`; `subtype: None` means that there must be none."""
    fields = {"type": constraint} if isinstance(constraint, str | re.Pattern) else _fields(constraint)
    wanted = _text(fields.pop("type", None), "an event's type")
    if isinstance(wanted, str) and wanted.startswith("message."):
        raise ValueError(f'"{wanted}" is a subscription; its events arrive as "message", so listen to that')
    subtype = fields.pop("subtype", _ABSENT)
    _none_left(fields, "an event")
    return lambda payload: matches(wanted, payload.type) and _subtype(subtype, payload.event)


def for_message(keyword: Text) -> Predicate:
    """By a word or pattern in the text of a message that somebody wrote; `""` takes every one."""
    pattern = re.compile(_text(keyword, "a message's keyword"))
    return lambda payload: (
        payload.type == "message"
        and _subtype(_WORDS, payload.event)
        and pattern.search(_message_text(payload)) is not None
    )


def keyword_matches(keyword: Text, payload: Payload) -> tuple[str, ...]:
    """Return what Bolt calls `context["matches"]`: the groups of the first match, or all matches without groups."""
    found = re.findall(keyword, _message_text(payload))
    return found[0] if found and isinstance(found[0], tuple) else tuple(found)


def for_command(constraint: Constraint) -> Predicate:
    wanted = _text(constraint, "a command")
    return lambda payload: matches(wanted, payload.type)


def for_action(constraint: Constraint) -> Predicate:
    """By action_id (for legacy buttons and dialogs: callback_id), or by a dict of type, block_id and action_id."""
    if isinstance(constraint, str | re.Pattern):
        return lambda payload: (
            matches(constraint, action_of(payload).get("action_id"))
            or (payload.type != "block_actions" and matches(constraint, payload.body.get("callback_id")))
        )
    fields = _fields(constraint)
    kind = fields.pop("type", "block_actions")
    if kind != "block_actions":
        return _by_callback_id(fields, kind, ("interactive_message", "dialog_submission", "dialog_cancellation"))
    wanted = {
        name: _text(fields.pop(name), f"an action's {name}") for name in ("block_id", "action_id") if name in fields
    }
    _none_left(fields, "an action")
    if not wanted:
        raise ValueError("an action needs an action_id or a block_id")
    return lambda payload: (
        payload.type == kind and all(matches(text, action_of(payload).get(name)) for name, text in wanted.items())
    )


def for_shortcut(constraint: Constraint) -> Predicate:
    """By callback_id, of a global or a message shortcut; or by a dict of type and callback_id."""
    if isinstance(constraint, str | re.Pattern):
        return lambda payload: matches(constraint, payload.body.get("callback_id"))
    fields = _fields(constraint)
    return _by_callback_id(fields, fields.pop("type", None), ("shortcut", "message_action"))


def for_view(constraint: Constraint) -> Predicate:
    """By callback_id of a submission; a closed view by `{"type": "view_closed", "callback_id": …}`."""
    fields = {"callback_id": constraint} if isinstance(constraint, str | re.Pattern) else _fields(constraint)
    kind = fields.pop("type", "view_submission")
    if kind not in ("view_submission", "view_closed"):
        raise ValueError(f"a view's type is view_submission or view_closed, not {kind!r}")
    wanted = _text(fields.pop("callback_id", None), "a view's callback_id")
    _none_left(fields, "a view")
    return lambda payload: payload.type == kind and matches(wanted, view_of(payload).get("callback_id"))


def for_options(constraint: Constraint) -> Predicate:
    """By action_id of a select that asks for its options, or by callback_id of a legacy dialog."""
    if isinstance(constraint, str | re.Pattern):
        return lambda payload: (
            matches(constraint, payload.body.get("action_id"))
            or (payload.type == "dialog_suggestion" and matches(constraint, payload.body.get("callback_id")))
        )
    wanted = {name: _text(value, f"an option's {name}") for name, value in _fields(constraint).items()}
    _none_left(wanted.keys() - {"action_id", "block_id", "callback_id"}, "options")
    return lambda payload: all(matches(text, payload.body.get(name)) for name, text in wanted.items())


def action_of(payload: Payload) -> dict[str, Any]:
    """Return the first of a payload's actions; Slack sends one."""
    actions = payload.body.get("actions")
    first = actions[0] if isinstance(actions, list) and actions else None
    return as_object(first) or {}


def view_of(payload: Payload) -> dict[str, Any]:
    return as_object(payload.body.get("view")) or {}


def _by_callback_id(fields: dict[str, Any], kind: object, kinds: Sequence[str]) -> Predicate:
    if kind not in kinds:
        raise ValueError(f"the type must be one of {', '.join(kinds)}, not {kind!r}")
    wanted = _text(fields.pop("callback_id", None), "a callback_id")
    _none_left(fields, "this listener")
    return lambda payload: payload.type == kind and matches(wanted, payload.body.get("callback_id"))


def _subtype(wanted: object, event: dict[str, Any]) -> bool:
    if wanted is _ABSENT:
        return True
    if isinstance(wanted, str | re.Pattern):
        return matches(wanted, event.get("subtype"))
    if isinstance(wanted, Sequence):
        return any(_subtype(one, event) for one in wanted)
    return event.get("subtype") is None


def _message_text(payload: Payload) -> str:
    text = payload.event.get("text")
    return text if isinstance(text, str) else ""


def _fields(constraint: object) -> dict[str, Any]:
    if isinstance(constraint, Mapping):
        return dict(constraint)
    raise ValueError(f"a constraint is text, a pattern or a dict, not {type(constraint).__name__}")


def _text(value: object, what: str) -> Text:
    if isinstance(value, str | re.Pattern):
        return value
    raise ValueError(f"{what} is given as text or as a compiled pattern, not as {type(value).__name__}")


def _none_left(fields: Any, what: str) -> None:
    if fields:
        raise ValueError(f"{what} has no {', '.join(sorted(fields))} to be matched by")
