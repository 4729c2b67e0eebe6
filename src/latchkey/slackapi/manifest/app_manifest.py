"""The app manifest: what Slack is to be told of this app, from what is configured and what listeners are for.

Rule: what a listener cannot work without is in it, whether the configuration
names it or not; each such addition is also a note. Nothing of it is secret.
https://docs.slack.dev/reference/app-manifest
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from latchkey.slackapi.manifest.event_scopes import EVENT_SCOPES, MESSAGE_SUBSCRIPTIONS, USER_EVENTS
from latchkey.slackapi.paths import CALLBACK_PATH, EVENTS_PATH

Manifest: TypeAlias = dict[str, Any]

ALWAYS = ("app_uninstalled", "tokens_revoked")
"""Events by which the server itself hears that tokens are gone."""

LONGEST_COMMAND = 32
LONGEST_COMMAND_DESCRIPTION = 2000
LONGEST_CALLBACK_ID = 255
LONGEST_SHORTCUT_NAME = 24
LONGEST_SHORTCUT_DESCRIPTION = 150
MOST_COMMANDS = 50
MOST_SHORTCUTS = 10
MOST_EVENTS = 100


class Command(NamedTuple):
    name: str
    description: str


class Shortcut(NamedTuple):
    type: Literal["global", "message"]
    callback_id: str
    description: str


@dataclass
class Wanted:
    """What listeners are for."""

    commands: list[Command] = field(default_factory=list)
    shortcuts: list[Shortcut] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    """The types of events, as they arrive: a message is "message"."""
    interactivity: bool = False
    options: bool = False
    notes: list[str] = field(default_factory=list)
    """What could not be found out, for the person."""


@dataclass(frozen=True)
class Described:
    """What is configured."""

    name: str
    description: str
    public_url: str
    """Scheme and host, without a slash at the end."""
    scopes: Sequence[str]
    user_scopes: Sequence[str]
    org_deployment: bool = False


def make_manifest(app: Described, wanted: Wanted) -> tuple[Manifest, list[str]]:
    """Return the manifest, and notes of what the person should know beside it."""
    notes = list(wanted.notes)
    if not app.public_url.startswith("https://"):
        notes.append(f"Slack takes addresses that begin with https://, and {app.public_url} does not")
    bot, user = _Scopes("scopes", app.scopes), _Scopes("user_scopes", app.user_scopes)
    commands, shortcuts = _commands(wanted.commands, notes), _shortcuts(wanted.shortcuts, notes)
    if commands or shortcuts:
        bot.need(("commands",), "a command or shortcut")
    bot_events, user_events = _subscriptions(wanted.events, bot, user, notes)
    notes += bot.notes + user.notes
    events_url = app.public_url + EVENTS_PATH
    manifest: Manifest = {
        "display_information": {"name": app.name, **({"description": app.description} if app.description else {})},
        "features": _features(app, commands, shortcuts, bot_events, events_url),
        "oauth_config": {
            "redirect_urls": [app.public_url + CALLBACK_PATH],
            "scopes": {"bot": bot.all, **({"user": user.all} if user.all else {})},
        },
        "settings": {
            "event_subscriptions": {
                "request_url": events_url,
                "bot_events": bot_events,
                **({"user_events": user_events} if user_events else {}),
            },
            "interactivity": _interactivity(wanted, bool(shortcuts), events_url),
            "org_deploy_enabled": app.org_deployment,
            "socket_mode_enabled": False,
            # Tokens that end after 12 hours need somebody who exchanges them, which this server does not do yet;
            # and what is turned on once stays on.
            "token_rotation_enabled": False,
        },
    }
    return manifest, notes


class _Scopes:
    """The scopes of one kind of token: those that are configured, and those that something needs."""

    def __init__(self, setting: str, configured: Sequence[str]) -> None:
        self._setting = setting
        self.all = list(dict.fromkeys(configured))
        self.notes: list[str] = []

    def need(self, any_of: tuple[str, ...], what: str) -> None:
        """See that one of these is there; where none is configured, add the first and say so."""
        if any_of and not any(scope in self.all for scope in any_of):
            self.all.append(any_of[0])
            self.notes.append(f"[slack] {self._setting} lacks {any_of[0]}, which {what} needs; add it there too")


def _subscriptions(events: Iterable[str], bot: _Scopes, user: _Scopes, notes: list[str]) -> tuple[list[str], list[str]]:
    """Return the bot's and the users' subscriptions, sorted; the scopes that they need are added."""
    bot_events, user_events = set(ALWAYS), set()
    for event in dict.fromkeys(events):
        if event == "message":
            chosen = [name for name, scope in MESSAGE_SUBSCRIPTIONS.items() if scope in bot.all] or ["message.channels"]
            for name in chosen:
                bot.need((MESSAGE_SUBSCRIPTIONS[name],), name)
            bot_events.update(chosen)
        elif event in USER_EVENTS:
            user.need(EVENT_SCOPES[event], event)
            user_events.add(event)
        else:
            if event not in EVENT_SCOPES:
                notes.append(f"{event} is no event that is known here: look up its scope, if it has one")
            bot.need(EVENT_SCOPES.get(event, ()), event)
            bot_events.add(event)
    if "link_shared" in bot_events:
        notes.append("link_shared comes for the domains that are listed at Slack, under Event Subscriptions")
    counts = [len(bot_events), len(user_events)]
    notes += [f"Slack takes {MOST_EVENTS} events, and these are {count}" for count in counts if count > MOST_EVENTS]
    return sorted(bot_events), sorted(user_events)


def _commands(wanted: Sequence[Command], notes: list[str]) -> dict[str, str]:
    """Return each command's description."""
    found: dict[str, str] = {}
    for command in wanted:
        if not re.fullmatch(rf"/\S{{1,{LONGEST_COMMAND - 1}}}", command.name):
            notes.append(f"the command {command.name} is left out: it is no / and 1 to {LONGEST_COMMAND - 1} letters")
        else:
            text = command.description or f"Runs {command.name}"
            found.setdefault(command.name, _cut(text, LONGEST_COMMAND_DESCRIPTION))
    if len(found) > MOST_COMMANDS:
        notes.append(f"Slack takes {MOST_COMMANDS} commands, and these are {len(found)}")
    return found


def _shortcuts(wanted: Sequence[Shortcut], notes: list[str]) -> list[dict[str, str]]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    for shortcut in wanted:
        if not 0 < len(shortcut.callback_id) <= LONGEST_CALLBACK_ID:
            notes.append(f"a shortcut is left out: its callback_id must have 1 to {LONGEST_CALLBACK_ID} characters")
            continue
        name = _title(shortcut.callback_id)
        description = _cut(shortcut.description or name, LONGEST_SHORTCUT_DESCRIPTION)
        found.setdefault(
            (shortcut.type, shortcut.callback_id),
            {"name": name, "type": shortcut.type, "callback_id": shortcut.callback_id, "description": description},
        )
    if len(found) > MOST_SHORTCUTS:
        notes.append(f"Slack takes {MOST_SHORTCUTS} shortcuts, and these are {len(found)}")
    return list(found.values())


def _features(
    app: Described,
    commands: dict[str, str],
    shortcuts: list[dict[str, str]],
    bot_events: Sequence[str],
    url: str,
) -> Manifest:
    features: Manifest = {"bot_user": {"display_name": _display_name(app.name)}}
    is_assistant = any(event.startswith("assistant_thread_") for event in bot_events)
    home, messages = "app_home_opened" in bot_events, is_assistant or "message.im" in bot_events
    if home or messages:
        features["app_home"] = {"home_tab_enabled": home, "messages_tab_enabled": messages}
    if messages:
        features["app_home"]["messages_tab_read_only_enabled"] = False
    if is_assistant:
        features["assistant_view"] = {"assistant_description": app.description or app.name}
    if commands:
        features["slash_commands"] = [
            {"command": name, "url": url, "description": description} for name, description in commands.items()
        ]
    if shortcuts:
        features["shortcuts"] = shortcuts
    return features


def _interactivity(wanted: Wanted, has_shortcuts: bool, url: str) -> Manifest:
    if not (wanted.interactivity or wanted.options or has_shortcuts):
        return {"is_enabled": False}
    return {
        "is_enabled": True,
        "request_url": url,
        **({"message_menu_options_url": url} if wanted.options else {}),
    }


def _display_name(name: str) -> str:
    """Return the bot's name as Slack takes it: a to z, 0 to 9, and - _ . between."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-.") or "app"


def _title(callback_id: str) -> str:
    """Return the words of a callback_id, as people find a shortcut by them: "Open modal" of "open_modal"."""
    words = re.sub(r"[\W_]+", " ", callback_id).strip()
    return _cut(words[:1].upper() + words[1:] or "Shortcut", LONGEST_SHORTCUT_NAME)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
