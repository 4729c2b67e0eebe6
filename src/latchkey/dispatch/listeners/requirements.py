"""Derives the manifest's commands, shortcuts, events and functions from the registered listeners.

A listener that is registered with a pattern cannot be listed; a note names it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from latchkey.dispatch.listeners.registration import App, Listener
from latchkey.slackapi.requests import Kind

if TYPE_CHECKING:
    from latchkey.slackapi.manifest import ManifestRequirements

_LISTED = {
    Kind.EVENT: ("type", "the events"),
    Kind.COMMAND: ("command", "the commands"),
    Kind.SHORTCUT: ("callback_id", "the shortcuts"),
}
"""For each kind of listener that the manifest lists: the field of a constraint with its name, and its plural."""
_FUNCTIONS = ("callback_id", "the functions")
"""The same for functions, whose listeners are those of an event that names one."""
_DIRECT_MESSAGES = "message.im"
"""The subscription of listeners that are only for messages in direct messages."""
_EITHER_SHORTCUT = "the shortcut {name} is listed as a global one; register a message shortcut with message_shortcut()"
_USAGE = re.compile(r"^usage:\s*(\S.*)$", re.IGNORECASE | re.MULTILINE)
_WITHOUT_INTERACTIVITY = frozenset({Kind.EVENT, Kind.COMMAND, Kind.BEFORE_INSTALL, Kind.INSTALLED})


def requirements_of(app: App) -> ManifestRequirements:
    """Return what the listeners require of the app's manifest."""
    # Only the manifest and doctor commands need it; the server starts without it.
    from latchkey.slackapi.manifest import Command, Function, ManifestRequirements, Shortcut

    requirements = ManifestRequirements()
    for listener in app.listeners:
        if listener.kind not in _WITHOUT_INTERACTIVITY:
            requirements.interactivity = True
            requirements.options = requirements.options or listener.kind is Kind.OPTIONS
        if listener.kind not in _LISTED:
            continue
        field, plural = _FUNCTIONS if _is_of_function(listener) else _LISTED[listener.kind]
        fields = _fields(listener, field)
        name, description = fields[field], _description_of(listener)
        if _is_of_function(listener):
            requirements.events.append(fields["type"])
        if not isinstance(name, str):
            shown = name.pattern if isinstance(name, re.Pattern) else name
            requirements.notes.append(
                f"{listener.name} is registered with a pattern ({shown}): add {plural} that it handles by hand"
            )
        elif _is_of_function(listener):
            requirements.functions.append(Function(name, description))
        elif listener.kind is Kind.EVENT:
            requirements.events.append(_DIRECT_MESSAGES if fields.get("channel_type") == "im" else name)
        elif listener.kind is Kind.COMMAND:
            requirements.commands.append(Command(name, description, _usage_of(listener)))
        else:
            is_message = fields.get("type") == "message_action"
            if fields.get("type") is None:
                requirements.notes.append(_EITHER_SHORTCUT.format(name=name))
            requirements.shortcuts.append(Shortcut("message" if is_message else "global", name, description))
    return requirements


def _is_of_function(listener: Listener) -> bool:
    """Whether the listener was registered with `function()`."""
    constraint = listener.constraint
    return listener.kind is Kind.EVENT and isinstance(constraint, Mapping) and "callback_id" in constraint


def _fields(listener: Listener, field: str) -> Mapping[str, Any]:
    constraint = listener.constraint
    return constraint if isinstance(constraint, Mapping) else {field: constraint}


def _description_of(listener: Listener) -> str:
    """Return the first line of the function's docstring, which Slack shows to people."""
    return _docstring(listener).partition("\n")[0].strip()


def _usage_of(listener: Listener) -> str:
    """Return what follows "Usage:" in a line of the function's docstring; empty if there is none."""
    found = _USAGE.search(_docstring(listener))
    return found[1].strip() if found else ""


def _docstring(listener: Listener) -> str:
    return (inspect.getdoc(listener.plan.function) or "").strip()
