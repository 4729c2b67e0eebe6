"""Resolves the workspace, user and channel of a payload of any kind.

The workspace is the one that *installed* the app, which in a Slack Connect
channel may differ from the one that acted. The order of the sources is Bolt's
(`slack_bolt/request/internals.py`), so that an app moved here finds the same
installations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

MAX_ID_LENGTH = 64
_ID = re.compile(r"[\w.\-]+", re.ASCII)
_ORG_ID = re.compile(r"E[A-Z0-9]+", re.ASCII)
_ENTERPRISE = ("enterprise", "enterprise_id")
_USER = ("user", "user_id")
_CHANNEL = ("channel", "channel_id")


class WorkspaceId(NamedTuple):
    """The workspace, or the org, whose installation a payload is for."""

    enterprise_id: str | None
    team_id: str | None
    is_enterprise_install: bool


class Identity(NamedTuple):
    """Whose workspace, user, bot and channel a payload is about."""

    workspace: WorkspaceId
    user_id: str | None
    """Who acted, or the author of the message that an event is about."""
    bot_id: str | None
    """The same for an app's messages, which may have no user."""
    channel_id: str | None


def identify(body: dict[str, Any]) -> Identity:
    """Return the ids in a payload; anything that is not an id counts as absent."""
    event = as_object(body.get("event"))
    user_id, bot_id = _user_and_bot(body, event)
    return Identity(_workspace(body), user_id, bot_id, _channel(body, event))


def usable_id(value: object) -> str | None:
    """Return an id that is safe in a record's name, a log line and a URL; None for anything else."""
    if not isinstance(value, str) or len(value) > MAX_ID_LENGTH:
        return None
    # Nearly all of Slack's ids are letters and digits, and that check costs a tenth of the pattern's.
    return value if (value.isalnum() and value.isascii()) or _ID.fullmatch(value) else None


def malformed_workspace_field(body: dict[str, Any]) -> str | None:
    """Return the name of a field that should identify an event's workspace and has no usable value, or None.

    `identify` uses the other fields in that case. An event that deletes an installation must not rely on them.
    """
    authorizations = body.get("authorizations")
    if authorizations is None:
        authorizations = []
    if not isinstance(authorizations, list) or not all(isinstance(item, dict) for item in authorizations):
        return "authorizations"
    for source in (body, *authorizations):
        for name in ("enterprise_id", "team_id"):
            if source.get(name) not in (None, "") and usable_id(source[name]) is None:
                return name
    return None


def as_object(value: object) -> dict[str, Any] | None:
    """Return the value if it is a JSON object."""
    return value if isinstance(value, dict) else None


def _workspace(body: dict[str, Any]) -> WorkspaceId:
    authorization = _first_authorization(body)
    if authorization:
        enterprise_id = usable_id(authorization.get("enterprise_id"))
        teams: Iterable[object] = (authorization.get("team_id"), body.get("team_id"))
    else:
        enterprise_id, teams = _enterprise(body), _teams(body)
    org_wide = _flag(authorization.get("is_enterprise_install"))
    if org_wide is None:
        org_wide = _flag(body.get("is_enterprise_install"))
        if org_wide:
            enterprise_id = enterprise_id or _enterprise(body)
    team_id = None
    for team in teams:
        found = usable_id(team)
        if found is not None and found[0] == "E" and org_wide is not False and _ORG_ID.fullmatch(found):
            # Slack puts the org's id there if the org has installed the app; no call accepts it as a team's.
            org_wide, enterprise_id = True, enterprise_id or found
        elif found is not None:
            team_id = found
            break
    return WorkspaceId(enterprise_id, team_id, bool(org_wide))


def _first_authorization(body: dict[str, Any]) -> dict[str, Any]:
    """Return the first authorization, or an empty object if there is none."""
    authorizations = body.get("authorizations")
    return as_object(authorizations[0]) or {} if isinstance(authorizations, list) and authorizations else {}


def _teams(body: dict[str, Any]) -> Iterator[object]:
    """Yield what may be the id of the workspace that installed the app, or of its org; the likeliest first."""
    view = as_object(body.get("view")) or {}
    installed = view.get("app_installed_team_id")
    yield installed
    yield _id_in(body.get("team"))
    yield body.get("team_id")
    if isinstance(installed, str) and _ORG_ID.fullmatch(installed):
        yield view.get("team_id")  # the person may belong to another workspace of the org
    yield (as_object(body.get("user")) or {}).get("team_id")
    yield view.get("team_id")


def _enterprise(body: dict[str, Any]) -> str | None:
    return _id_of(body, _ENTERPRISE) or usable_id((as_object(body.get("team")) or {}).get("enterprise_id"))


def _user_and_bot(body: dict[str, Any], event: dict[str, Any] | None) -> tuple[str | None, str | None]:
    """Return who acted: by the form's or the interaction's fields, or the event's."""
    user_id = _id_of(body, _USER)
    if event is None:
        return user_id, None
    user_id, bot_id = user_id or _id_of(event, _USER), usable_id(event.get("bot_id"))
    if user_id is None and bot_id is None and (about := _message_about(event)):
        user_id, bot_id = _id_of(about, _USER), usable_id(about.get("bot_id"))
    return user_id, bot_id


def _message_about(event: dict[str, Any]) -> dict[str, Any] | None:
    """Return the message or thread that an event without an author is about, or None.

    https://docs.slack.dev/reference/events/message/message_changed, and the same for message_deleted and
    message_replied; https://docs.slack.dev/reference/events/assistant_thread_started
    """
    message = as_object(event.get("message"))
    if message is None:
        return as_object(event.get("previous_message")) or as_object(event.get("assistant_thread"))
    if message.get("subtype") == "tombstone":
        # Slackbot's replacement for a deleted message that has replies.
        return as_object(event.get("previous_message")) or message
    if event.get("subtype") == "message_replied":
        # `message` is the thread's first one; the reply's author is at the end of its replies.
        replies = message.get("replies")
        return (as_object(replies[-1]) if isinstance(replies, list) and replies else None) or message
    return message


def _channel(body: dict[str, Any], event: dict[str, Any] | None) -> str | None:
    """Return the channel's id, or None if the payload is not about a channel."""
    found = _id_of(event, _CHANNEL) if event else None
    if found is not None or (found := _id_of(body, _CHANNEL)) is not None:
        return found
    for name in ("item", "container", "assistant_thread"):
        holder = as_object((event or body).get(name))
        if holder and (found := _id_of(holder, _CHANNEL)) is not None:
            return found
    return None


def _id_of(source: dict[str, Any], names: Sequence[str]) -> str | None:
    """Return the first usable id among these fields, each an id or an object with one."""
    for name in names:
        value = source.get(name)
        if value is None:
            continue
        found = usable_id(value.get("id") if isinstance(value, dict) else value)
        if found is not None:
            return found
    return None


def _id_in(value: object) -> object:
    return value.get("id") if isinstance(value, dict) else value


def _flag(value: object) -> bool | None:
    """Return a flag, which forms carry as text; None if it is absent or is neither true nor false."""
    if value is True or value == "true":
        return True
    return False if value is False or value == "false" else None
