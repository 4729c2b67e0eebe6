"""The `features` of the manifest, such as commands, shortcuts and the app's home, and its `functions`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from latchkey.slackapi.manifest.event_scopes import AGENT_EVENTS
from latchkey.slackapi.manifest.inputs import AppSettings, Command, Function, Shortcut

MAX_COMMAND_LENGTH = 32
MAX_COMMAND_DESCRIPTION = 2000
MAX_USAGE_HINT = 1000
MAX_CALLBACK_ID_LENGTH = 255
MAX_SHORTCUT_NAME = 24
MAX_SHORTCUT_DESCRIPTION = 150
MAX_COMMANDS = 50
MAX_SHORTCUTS = 10
MAX_FUNCTIONS = 50
MAX_AGENT_DESCRIPTION = 300


def commands_of(wanted: Sequence[Command], notes: list[str]) -> list[Command]:
    """Return each command that Slack accepts once, with a description."""
    found: dict[str, Command] = {}
    for command in wanted:
        if not re.fullmatch(rf"/\S{{1,{MAX_COMMAND_LENGTH - 1}}}", command.name):
            notes.append(
                f"the command {command.name} is left out: it must be / and 1 to {MAX_COMMAND_LENGTH - 1} characters"
            )
        else:
            text = _shorten(command.description or f"Runs {command.name}", MAX_COMMAND_DESCRIPTION)
            hint = _shorten(command.usage_hint, MAX_USAGE_HINT)
            found.setdefault(command.name, Command(command.name, text, hint))
    if len(found) > MAX_COMMANDS:
        notes.append(f"Slack allows {MAX_COMMANDS} commands, but there are {len(found)}")
    return list(found.values())


def shortcuts_of(wanted: Sequence[Shortcut], notes: list[str]) -> list[dict[str, str]]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    for shortcut in wanted:
        if not 0 < len(shortcut.callback_id) <= MAX_CALLBACK_ID_LENGTH:
            notes.append(f"a shortcut is left out: its callback_id must have 1 to {MAX_CALLBACK_ID_LENGTH} characters")
            continue
        name = _shorten(_words(shortcut.callback_id), MAX_SHORTCUT_NAME)
        description = _shorten(shortcut.description or name, MAX_SHORTCUT_DESCRIPTION)
        found.setdefault(
            (shortcut.type, shortcut.callback_id),
            {"name": name, "type": shortcut.type, "callback_id": shortcut.callback_id, "description": description},
        )
    if len(found) > MAX_SHORTCUTS:
        notes.append(f"Slack allows {MAX_SHORTCUTS} shortcuts, but there are {len(found)}")
    return list(found.values())


def features(
    app: AppSettings,
    commands: Sequence[Command],
    shortcuts: list[dict[str, str]],
    events: Sequence[str],
    url: str,
    has_bot: bool,
) -> dict[str, Any]:
    made: dict[str, Any] = {"bot_user": {"display_name": _display_name(app.name)}} if has_bot else {}
    is_agent = any(event in AGENT_EVENTS for event in events)
    home, messages = "app_home_opened" in events, is_agent or "message.im" in events
    if home or messages:
        made["app_home"] = {"home_tab_enabled": home, "messages_tab_enabled": messages}
    if messages:
        made["app_home"]["messages_tab_read_only_enabled"] = False
    if is_agent:
        description = _shorten(app.description or app.name, MAX_AGENT_DESCRIPTION)
        made["agent_view"] = {"agent_description": description}
    if commands:
        made["slash_commands"] = [
            {
                "command": command.name,
                "url": url,
                "description": command.description,
                **({"usage_hint": command.usage_hint} if command.usage_hint else {}),
            }
            for command in commands
        ]
    if shortcuts:
        made["shortcuts"] = shortcuts
    return made


def functions_of(wanted: Sequence[Function], notes: list[str]) -> dict[str, Any]:
    """Return the entry of each function, by callback_id; its parameters are the author's to declare."""
    found: dict[str, Any] = {}
    for function in wanted:
        title = _words(function.callback_id)
        found.setdefault(
            function.callback_id,
            {
                "title": title,
                "description": function.description or title,
                "input_parameters": {},
                "output_parameters": {},
            },
        )
    if found:
        notes.append(
            f"declare the parameters of {', '.join(found)} at Slack, under App Manifest; Latchkey does not change them"
        )
    if len(found) > MAX_FUNCTIONS:
        notes.append(f"Slack allows {MAX_FUNCTIONS} functions, but there are {len(found)}")
    return found


def _display_name(name: str) -> str:
    """Return the bot's name in the characters that Slack allows: a-z, 0-9, and - _ . inside."""
    return re.sub(r"[^a-z0-9._]+", "-", name.lower()).strip("-.") or "app"


def _words(callback_id: str) -> str:
    """Return the name of a shortcut or function, made from its callback_id: "Open modal" from "open_modal"."""
    words = re.sub(r"[\W_]+", " ", callback_id).strip()
    return words[:1].upper() + words[1:] or callback_id


def _shorten(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
