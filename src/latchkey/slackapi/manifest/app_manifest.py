"""Makes the app manifest from the app's settings and the requirements of its listeners.

Whatever a listener requires is in the manifest, even if the configuration lacks it; a note names each
addition. The manifest contains no secret. https://docs.slack.dev/reference/app-manifest
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from latchkey.slackapi.manifest.event_scopes import EVENT_SCOPES, MESSAGE_SUBSCRIPTIONS, USER_EVENTS
from latchkey.slackapi.paths import CALLBACK_PATH, EVENTS_PATH
from latchkey.slackapi.scopes import USER_SCOPES

Manifest: TypeAlias = dict[str, Any]

ALWAYS = ("app_uninstalled", "tokens_revoked")
"""The server needs these to delete tokens that Slack has revoked."""
ORG_WIDE = ("team_access_revoked",)
"""The same, for an app that orgs can install."""

MAX_COMMAND_LENGTH = 32
MAX_COMMAND_DESCRIPTION = 2000
MAX_CALLBACK_ID_LENGTH = 255
MAX_SHORTCUT_NAME = 24
MAX_SHORTCUT_DESCRIPTION = 150
MAX_COMMANDS = 50
MAX_SHORTCUTS = 10
MAX_EVENTS = 100


class Command(NamedTuple):
    name: str
    description: str


class Shortcut(NamedTuple):
    type: Literal["global", "message"]
    callback_id: str
    description: str


@dataclass
class ManifestRequirements:
    """What the registered listeners require."""

    commands: list[Command] = field(default_factory=list)
    shortcuts: list[Shortcut] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    """Event types as they appear in payloads: every message is "message"."""
    interactivity: bool = False
    options: bool = False
    notes: list[str] = field(default_factory=list)
    """Messages for the author about what could not be determined."""


@dataclass(frozen=True)
class AppSettings:
    """The settings that go into the manifest."""

    name: str
    description: str
    public_url: str
    """Scheme and host, without a slash at the end."""
    scopes: Sequence[str]
    user_scopes: Sequence[str]
    optional_scopes: Sequence[str] = ()
    """Scopes that people may decline when they install the app."""
    optional_user_scopes: Sequence[str] = ()
    org_deployment: bool = False
    token_rotation: bool = False


def make_manifest(app: AppSettings, wanted: ManifestRequirements) -> tuple[Manifest, list[str]]:
    """Return the manifest, and notes for the author on what was added or left out."""
    notes = list(wanted.notes)
    if not app.public_url.startswith("https://"):
        notes.append(f"Slack requires URLs that begin with https://; {app.public_url} does not")
    bot = _Scopes("scopes", app.scopes, app.optional_scopes)
    user = _Scopes("user_scopes", app.user_scopes, app.optional_user_scopes)
    has_bot = bool(bot.all) or not user.all
    # Without a bot, the tokens of people receive events and offer commands.
    acting = bot if has_bot else user
    commands, shortcuts = _commands(wanted.commands, notes), _shortcuts(wanted.shortcuts, notes)
    if commands or shortcuts:
        acting.require(("commands",), "a command or shortcut")
    needed = (*ALWAYS, *ORG_WIDE) if app.org_deployment else ALWAYS
    bot_events, user_events = _subscriptions([*needed, *wanted.events], acting, user, notes)
    if not has_bot:
        notes += [f"{event} needs a bot, and so a bot scope" for event in bot_events if not _has_user_scope(event)]
        bot_events, user_events = [], sorted({*bot_events, *user_events})
    notes += bot.notes + user.notes
    events_url = app.public_url + EVENTS_PATH
    manifest: Manifest = {
        "display_information": {"name": app.name, **({"description": app.description} if app.description else {})},
        "features": _features(app, commands, shortcuts, bot_events or user_events, events_url, has_bot),
        "oauth_config": {
            "redirect_urls": [app.public_url + CALLBACK_PATH],
            "scopes": _scope_lists(bot, user),
        },
        "settings": {
            "event_subscriptions": {
                "request_url": events_url,
                **({"bot_events": bot_events} if has_bot else {}),
                **({"user_events": user_events} if user_events else {}),
            },
            "interactivity": _interactivity(wanted, bool(shortcuts), events_url),
            "org_deploy_enabled": app.org_deployment,
            "socket_mode_enabled": False,
            "token_rotation_enabled": app.token_rotation,
        },
    }
    return manifest, notes


class _Scopes:
    """The scopes of one kind of token: those configured, and those that a listener requires."""

    def __init__(self, setting: str, configured: Sequence[str], optional: Sequence[str]) -> None:
        self._setting = setting
        self.all = list(dict.fromkeys([*configured, *optional]))
        self.optional = list(dict.fromkeys(optional))
        self.notes: list[str] = []

    def require(self, any_of: tuple[str, ...], what: str) -> None:
        """Add the first of these scopes, with a note, unless one of them is configured."""
        if any_of and not any(scope in self.all for scope in any_of):
            self.all.append(any_of[0])
            self.notes.append(f"[slack] {self._setting} lacks {any_of[0]}, which {what} requires; add it there too")


def _scope_lists(bot: _Scopes, user: _Scopes) -> dict[str, list[str]]:
    """Return the lists of scopes; Slack wants an optional scope both among all and among the optional ones."""
    lists = {"bot": bot.all, "bot_optional": bot.optional, "user": user.all, "user_optional": user.optional}
    return {name: scopes for name, scopes in lists.items() if scopes or (name == "bot" and not user.all)}


def _subscriptions(events: Iterable[str], bot: _Scopes, user: _Scopes, notes: list[str]) -> tuple[list[str], list[str]]:
    """Return the bot's and the users' subscriptions, sorted, and add the scopes that they require."""
    bot_events: set[str] = set()
    user_events: set[str] = set()
    for event in dict.fromkeys(events):
        if event == "message":
            chosen = [name for name, scope in MESSAGE_SUBSCRIPTIONS.items() if scope in bot.all] or ["message.channels"]
            for name in chosen:
                bot.require((MESSAGE_SUBSCRIPTIONS[name],), name)
            bot_events.update(chosen)
        elif event in USER_EVENTS:
            user.require(EVENT_SCOPES[event], event)
            user_events.add(event)
        else:
            if event not in EVENT_SCOPES:
                notes.append(f"{event} is an unknown event: look up which scope it requires")
            bot.require(EVENT_SCOPES.get(event, ()), event)
            bot_events.add(event)
    if "link_shared" in bot_events:
        notes.append("link_shared requires the domains to be listed at Slack, under Event Subscriptions")
    counts = [len(bot_events), len(user_events)]
    notes += [f"Slack allows {MAX_EVENTS} events, but there are {count}" for count in counts if count > MAX_EVENTS]
    return sorted(bot_events), sorted(user_events)


def _has_user_scope(event: str) -> bool:
    """Whether a user's token can receive this event."""
    scopes = EVENT_SCOPES.get(event, ())
    return not scopes or any(scope in USER_SCOPES for scope in scopes)


def _commands(wanted: Sequence[Command], notes: list[str]) -> dict[str, str]:
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


def _shortcuts(wanted: Sequence[Shortcut], notes: list[str]) -> list[dict[str, str]]:
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


def _features(
    app: AppSettings,
    commands: dict[str, str],
    shortcuts: list[dict[str, str]],
    events: Sequence[str],
    url: str,
    has_bot: bool,
) -> Manifest:
    features: Manifest = {"bot_user": {"display_name": _display_name(app.name)}} if has_bot else {}
    is_assistant = any(event.startswith("assistant_thread_") for event in events)
    home, messages = "app_home_opened" in events, is_assistant or "message.im" in events
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


def _interactivity(wanted: ManifestRequirements, has_shortcuts: bool, url: str) -> Manifest:
    if not (wanted.interactivity or wanted.options or has_shortcuts):
        return {"is_enabled": False}
    return {
        "is_enabled": True,
        "request_url": url,
        **({"message_menu_options_url": url} if wanted.options else {}),
    }


def _display_name(name: str) -> str:
    """Return the bot's name in the characters that Slack allows: a-z, 0-9, and - _ . inside."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-.") or "app"


def _title(callback_id: str) -> str:
    """Return a shortcut's name, made from its callback_id: "Open modal" from "open_modal"."""
    words = re.sub(r"[\W_]+", " ", callback_id).strip()
    return _shorten(words[:1].upper() + words[1:] or "Shortcut", MAX_SHORTCUT_NAME)


def _shorten(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
