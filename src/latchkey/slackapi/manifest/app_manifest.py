"""Makes the app manifest from the app's settings and the requirements of its listeners.

Whatever a listener requires is in the manifest, even if the configuration lacks it; a note names each
addition. The manifest contains no secret. https://docs.slack.dev/reference/app-manifest
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from latchkey.slackapi.manifest.event_scopes import (
    AGENT_EVENTS,
    EVENT_SCOPES,
    FUNCTION_EXECUTED,
    MESSAGE_SUBSCRIPTIONS,
    USER_EVENTS,
)
from latchkey.slackapi.manifest.features import commands_of, features, functions_of, shortcuts_of
from latchkey.slackapi.manifest.inputs import AppSettings, ManifestRequirements
from latchkey.slackapi.paths import EVENTS_PATH
from latchkey.slackapi.scopes import USER_SCOPES

Manifest: TypeAlias = dict[str, Any]

ALWAYS = ("app_uninstalled", "tokens_revoked")
"""The server needs these to delete tokens that Slack has revoked."""
ORG_WIDE = ("team_access_revoked",)
"""The same, for an app that orgs can install."""

MAX_EVENTS = 100


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
    commands, shortcuts = commands_of(wanted.commands, notes), shortcuts_of(wanted.shortcuts, notes)
    if commands or shortcuts:
        acting.require(("commands",), "a command or shortcut")
    functions = functions_of(wanted.functions, notes)
    if functions and not app.org_deployment:
        notes.append("[manifest] org_deployment is false, and functions require it; set it to true")
    org_wide = app.org_deployment or bool(functions)
    needed = (*ALWAYS, *(ORG_WIDE if org_wide else ()), *((FUNCTION_EXECUTED,) if functions else ()))
    bot_events, user_events = _subscriptions([*needed, *wanted.events], acting, user, notes)
    if not has_bot:
        notes += [f"{event} needs a bot, and so a bot scope" for event in bot_events if not _has_user_scope(event)]
        bot_events, user_events = [], sorted({*bot_events, *user_events})
    notes += bot.notes + user.notes
    events_url = app.public_url + EVENTS_PATH
    manifest: Manifest = {
        "display_information": {"name": app.name, **({"description": app.description} if app.description else {})},
        "features": features(app, commands, shortcuts, bot_events or user_events, events_url, has_bot),
        "oauth_config": {
            "redirect_urls": [app.public_url + app.callback_path],
            "scopes": _scope_lists(bot, user),
        },
        "settings": {
            "event_subscriptions": {
                "request_url": events_url,
                **({"bot_events": bot_events} if has_bot else {}),
                **({"user_events": user_events} if user_events else {}),
            },
            "interactivity": _interactivity(wanted, bool(shortcuts), events_url),
            "org_deploy_enabled": org_wide,
            "socket_mode_enabled": False,
            "token_rotation_enabled": app.token_rotation,
            **({"function_runtime": "remote"} if functions else {}),
        },
        **({"functions": functions} if functions else {}),
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
    for event in dict.fromkeys(_by_subscription(list(events), bot.all)):
        if event in MESSAGE_SUBSCRIPTIONS:
            bot.require((MESSAGE_SUBSCRIPTIONS[event],), event)
            bot_events.add(event)
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
    if "entity_details_requested" in bot_events:
        notes.append("entity_details_requested requires Work Object previews to be turned on in the settings at Slack")
    if "assistant_thread_started" in bot_events and "app_home_opened" not in bot_events:
        notes.append(
            "assistant_thread_started is not sent to new apps when somebody opens their messages: Slack sends"
            ' app_home_opened with the tab "messages"; add a listener for it'
        )
    counts = [len(bot_events), len(user_events)]
    notes += [f"Slack allows {MAX_EVENTS} events, but there are {count}" for count in counts if count > MAX_EVENTS]
    return sorted(bot_events), sorted(user_events)


def _by_subscription(events: list[str], scopes: Sequence[str]) -> Iterator[str]:
    """Return the events with "message" replaced by the subscriptions whose scopes are configured."""
    for event in events:
        if event != "message":
            yield event
            continue
        chosen = [name for name, scope in MESSAGE_SUBSCRIPTIONS.items() if scope in scopes]
        if AGENT_EVENTS.intersection(events):
            chosen.append("message.im")  # people write to an agent in its direct messages
        yield from chosen or ["message.channels"]


def _has_user_scope(event: str) -> bool:
    """Whether a user's token can receive this event."""
    scopes = EVENT_SCOPES.get(event, ())
    return not scopes or any(scope in USER_SCOPES for scope in scopes)


def _interactivity(wanted: ManifestRequirements, has_shortcuts: bool, url: str) -> Manifest:
    if not (wanted.interactivity or wanted.options or has_shortcuts):
        return {"is_enabled": False}
    return {
        "is_enabled": True,
        "request_url": url,
        **({"message_menu_options_url": url} if wanted.options else {}),
    }
