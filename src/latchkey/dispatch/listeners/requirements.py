"""What an app's listeners are for, as Slack's manifest lists it.

Rule: what was registered by its name is listed. What was registered by a
pattern cannot be, and is named in a note.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping

from latchkey.dispatch.listeners.app import App, Listener
from latchkey.slackapi.manifest import Command, Shortcut, Wanted
from latchkey.slackapi.requests import Kind


def wanted_by(app: App) -> Wanted:
    """Return what the listeners need of Slack."""
    wanted = Wanted()
    for listener in app.listeners:
        if listener.kind is Kind.EVENT:
            _add_event(wanted, listener)
        elif listener.kind is Kind.COMMAND:
            _add_command(wanted, listener)
        else:
            wanted.interactivity = True
            wanted.options = wanted.options or listener.kind is Kind.OPTIONS
            if listener.kind is Kind.SHORTCUT:
                _add_shortcut(wanted, listener)
    return wanted


def _add_event(wanted: Wanted, listener: Listener) -> None:
    constraint = listener.constraint
    kind = constraint.get("type") if isinstance(constraint, Mapping) else constraint
    if isinstance(kind, str):
        wanted.events.append(kind)
    else:
        _note_pattern(wanted, listener, "the events", kind)


def _add_command(wanted: Wanted, listener: Listener) -> None:
    if isinstance(listener.constraint, str):
        wanted.commands.append(Command(listener.constraint, _said_of(listener)))
    else:
        _note_pattern(wanted, listener, "the commands", listener.constraint)


def _add_shortcut(wanted: Wanted, listener: Listener) -> None:
    constraint = listener.constraint
    fields = constraint if isinstance(constraint, Mapping) else {"callback_id": constraint}
    callback_id = fields["callback_id"]
    if not isinstance(callback_id, str):
        _note_pattern(wanted, listener, "the shortcuts", callback_id)
        return
    if fields.get("type") is None:
        wanted.notes.append(
            f"the shortcut {callback_id} is listed as a global one; a message's is registered with message_shortcut()"
        )
    is_message = fields.get("type") == "message_action"
    wanted.shortcuts.append(Shortcut("message" if is_message else "global", callback_id, _said_of(listener)))


def _note_pattern(wanted: Wanted, listener: Listener, what: str, pattern: object) -> None:
    shown = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
    wanted.notes.append(f"{listener.name} takes a pattern ({shown}): add {what} that it is for by hand")


def _said_of(listener: Listener) -> str:
    """Return the first line of the function's docstring, which is what people will read."""
    text = inspect.getdoc(listener.plan.function) or ""
    return text.strip().partition("\n")[0].strip()
