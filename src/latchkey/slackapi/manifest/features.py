"""The `features` of the manifest: commands, shortcuts, the bot user and the app's home."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from latchkey.slackapi.manifest.inputs import AppSettings, Command, Shortcut

MAX_COMMAND_LENGTH = 32
MAX_COMMAND_DESCRIPTION = 2000
MAX_CALLBACK_ID_LENGTH = 255
MAX_SHORTCUT_NAME = 24
MAX_SHORTCUT_DESCRIPTION = 150
MAX_COMMANDS = 50
MAX_SHORTCUTS = 10


def commands_of(wanted: Sequence[Command], notes: list[str]) -> dict[str, str]:
    """Return the description of each command, by name."""
    found: dict[str, str] = {}
    for command in wanted:
        if not re.fullmatch(rf"/\S{{1,{MAX_COMMAND_LENGTH - 1}}}", command.name):
            notes.append(
                f"the command {command.name} is left out: it must be / and 1 to {MAX_COMMAND_LENGTH - 1} characters"
            )
        else:
            text = command.description or f"Runs {command.name}"
            found.setdefault(command.name, _shorten(text, MAX_COMMAND_DESCRIPTION))
    if len(found) > MAX_COMMANDS:
        notes.append(f"Slack allows {MAX_COMMANDS} commands, but there are {len(found)}")
    return found


def shortcuts_of(wanted: Sequence[Shortcut], notes: list[str]) -> list[dict[str, str]]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    for shortcut in wanted:
        if not 0 < len(shortcut.callback_id) <= MAX_CALLBACK_ID_LENGTH:
            notes.append(f"a shortcut is left out: its callback_id must have 1 to {MAX_CALLBACK_ID_LENGTH} characters")
            continue
        name = _title(shortcut.callback_id)
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
    commands: dict[str, str],
    shortcuts: list[dict[str, str]],
    events: Sequence[str],
    url: str,
    has_bot: bool,
) -> dict[str, Any]:
    made: dict[str, Any] = {"bot_user": {"display_name": _display_name(app.name)}} if has_bot else {}
    is_assistant = any(event.startswith("assistant_thread_") for event in events)
    home, messages = "app_home_opened" in events, is_assistant or "message.im" in events
    if home or messages:
        made["app_home"] = {"home_tab_enabled": home, "messages_tab_enabled": messages}
    if messages:
        made["app_home"]["messages_tab_read_only_enabled"] = False
    if is_assistant:
        made["assistant_view"] = {"assistant_description": app.description or app.name}
    if commands:
        made["slash_commands"] = [
            {"command": name, "url": url, "description": description} for name, description in commands.items()
        ]
    if shortcuts:
        made["shortcuts"] = shortcuts
    return made


def _display_name(name: str) -> str:
    """Return the bot's name in the characters that Slack allows: a-z, 0-9, and - _ . inside."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-.") or "app"


def _title(callback_id: str) -> str:
    """Return a shortcut's name, made from its callback_id: "Open modal" from "open_modal"."""
    words = re.sub(r"[\W_]+", " ", callback_id).strip()
    return _shorten(words[:1].upper() + words[1:] or "Shortcut", MAX_SHORTCUT_NAME)


def _shorten(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
