"""Derives the manifest's commands, shortcuts and events from the registered listeners.

A listener that is registered with a pattern cannot be listed; a note names it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping

from latchkey.dispatch.listeners.app import App, Listener
from latchkey.slackapi.manifest import Command, ManifestRequirements, Shortcut
from latchkey.slackapi.requests import Kind


def requirements_of(app: App) -> ManifestRequirements:
    """Return what the listeners require of the app's manifest."""
    requirements = ManifestRequirements()
    for listener in app.listeners:
        if listener.kind is Kind.EVENT:
            _add_event(requirements, listener)
        elif listener.kind is Kind.COMMAND:
            _add_command(requirements, listener)
        else:
            requirements.interactivity = True
            requirements.options = requirements.options or listener.kind is Kind.OPTIONS
            if listener.kind is Kind.SHORTCUT:
                _add_shortcut(requirements, listener)
    return requirements


def _add_event(requirements: ManifestRequirements, listener: Listener) -> None:
    constraint = listener.constraint
    kind = constraint.get("type") if isinstance(constraint, Mapping) else constraint
    if isinstance(kind, str):
        requirements.events.append(kind)
    else:
        _note_pattern(requirements, listener, "the events", kind)


def _add_command(requirements: ManifestRequirements, listener: Listener) -> None:
    if isinstance(listener.constraint, str):
        requirements.commands.append(Command(listener.constraint, _description_of(listener)))
    else:
        _note_pattern(requirements, listener, "the commands", listener.constraint)


def _add_shortcut(requirements: ManifestRequirements, listener: Listener) -> None:
    constraint = listener.constraint
    fields = constraint if isinstance(constraint, Mapping) else {"callback_id": constraint}
    callback_id = fields["callback_id"]
    if not isinstance(callback_id, str):
        _note_pattern(requirements, listener, "the shortcuts", callback_id)
        return
    if fields.get("type") is None:
        requirements.notes.append(
            f"the shortcut {callback_id} is listed as a global one; register a message shortcut with message_shortcut()"
        )
    is_message = fields.get("type") == "message_action"
    requirements.shortcuts.append(
        Shortcut("message" if is_message else "global", callback_id, _description_of(listener))
    )


def _note_pattern(requirements: ManifestRequirements, listener: Listener, what: str, pattern: object) -> None:
    shown = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
    requirements.notes.append(
        f"{listener.name} is registered with a pattern ({shown}): add {what} that it handles by hand"
    )


def _description_of(listener: Listener) -> str:
    """Return the first line of the function's docstring, which Slack shows to people."""
    text = inspect.getdoc(listener.plan.function) or ""
    return text.strip().partition("\n")[0].strip()
