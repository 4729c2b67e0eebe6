"""Derives the manifest's commands, shortcuts and events from the registered listeners.

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
_WITHOUT_INTERACTIVITY = frozenset({Kind.EVENT, Kind.COMMAND, Kind.BEFORE_INSTALL, Kind.INSTALLED})


def requirements_of(app: App) -> ManifestRequirements:
    """Return what the listeners require of the app's manifest."""
    # Only the manifest and doctor commands need it; the server starts without it.
    from latchkey.slackapi.manifest import Command, ManifestRequirements, Shortcut

    requirements = ManifestRequirements()
    for listener in app.listeners:
        if listener.kind not in _WITHOUT_INTERACTIVITY:
            requirements.interactivity = True
            requirements.options = requirements.options or listener.kind is Kind.OPTIONS
        if listener.kind not in _LISTED:
            continue
        field, plural = _LISTED[listener.kind]
        fields = _fields(listener, field)
        name, description = fields[field], _description_of(listener)
        if not isinstance(name, str):
            shown = name.pattern if isinstance(name, re.Pattern) else name
            requirements.notes.append(
                f"{listener.name} is registered with a pattern ({shown}): add {plural} that it handles by hand"
            )
        elif listener.kind is Kind.EVENT:
            requirements.events.append(name)
        elif listener.kind is Kind.COMMAND:
            requirements.commands.append(Command(name, description))
        else:
            if fields.get("type") is None:
                requirements.notes.append(
                    f"the shortcut {name} is listed as a global one; "
                    "register a message shortcut with message_shortcut()"
                )
            is_message = fields.get("type") == "message_action"
            requirements.shortcuts.append(Shortcut("message" if is_message else "global", name, description))
    return requirements


def _fields(listener: Listener, field: str) -> Mapping[str, Any]:
    constraint = listener.constraint
    return constraint if isinstance(constraint, Mapping) else {field: constraint}


def _description_of(listener: Listener) -> str:
    """Return the first line of the function's docstring, which Slack shows to people."""
    text = inspect.getdoc(listener.plan.function) or ""
    return text.strip().partition("\n")[0].strip()
