"""Resolves the workspace, user and channel of a payload of any kind.

The workspace is the one that *installed* the app, which in a Slack Connect
channel may differ from the one that acted. The order of the sources is Bolt's
(`slack_bolt/request/internals.py`), so that an app moved here finds the same
installations.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from latchkey.errors import PayloadError

MAX_ID_LENGTH = 64
_ID = re.compile(r"[\w.\-]+", re.ASCII)
_ORG_ID = re.compile(r"E[A-Z0-9]+", re.ASCII)


class WorkspaceId(NamedTuple):
    """The workspace, or the org, whose installation a payload is for."""

    enterprise_id: str | None
    team_id: str | None
    is_enterprise_install: bool


class Identity(NamedTuple):
    """Whose workspace, user and channel a payload is about."""

    workspace: WorkspaceId
    user_id: str | None
    channel_id: str | None


def identify(body: dict[str, Any]) -> Identity:
    """Return the ids in a payload; raises PayloadError if one of them is not an id."""
    event = as_object(body.get("event"))
    user_id, channel_id = checked_id(_user(body, event), "user"), checked_id(_channel(body, event), "channel")
    return Identity(_workspace(body), user_id, channel_id)


def checked_id(value: object, what: str) -> str | None:
    """Return an id that is safe in a record's name, a log line and a URL; None if it is absent or empty.

    Raises PayloadError, which names `what` and never the value.
    """
    if isinstance(value, str) and 0 < len(value) <= MAX_ID_LENGTH:
        # Nearly all of Slack's ids are letters and digits, and this check costs a tenth of the pattern's.
        if (value.isascii() and value.isalnum()) or _ID.fullmatch(value):
            return value
    elif value is None or value == "":
        return None
    raise PayloadError(f"{what} id")


def as_object(value: object) -> dict[str, Any] | None:
    """Return the value if it is a JSON object."""
    return value if isinstance(value, dict) else None


def _workspace(body: dict[str, Any]) -> WorkspaceId:
    authorization = _first_authorization(body)
    if authorization:
        enterprise = authorization.get("enterprise_id")
        team = authorization.get("team_id") or body.get("team_id")
    else:
        enterprise, team = _enterprise(body), _team(body)
    org_wide = _flag(authorization.get("is_enterprise_install"))
    if org_wide is None:
        org_wide = _flag(body.get("is_enterprise_install"))
        if org_wide:
            enterprise = enterprise or _enterprise(body)
    enterprise_id, team_id = checked_id(enterprise, "enterprise"), checked_id(team, "team")
    if org_wide is not False and team_id and _ORG_ID.fullmatch(team_id):
        # Slack puts the org's id there in events about the whole org.
        org_wide, enterprise_id = True, enterprise_id or team_id
    return WorkspaceId(enterprise_id, team_id, bool(org_wide))


def _first_authorization(body: dict[str, Any]) -> dict[str, Any]:
    """Return the first authorization, or an empty object if there is none."""
    authorizations = body.get("authorizations")
    if authorizations is None:
        return {}
    if not isinstance(authorizations, list):
        raise PayloadError("authorizations")
    first = authorizations[0] if authorizations else {}
    if not isinstance(first, dict):
        raise PayloadError("authorizations")
    return first


def _team(body: dict[str, Any]) -> object:
    view = as_object(body.get("view")) or {}
    user = as_object(body.get("user")) or {}
    return (
        view.get("app_installed_team_id")
        or _id_in(body.get("team"))
        or body.get("team_id")
        or user.get("team_id")
        or view.get("team_id")
    )


def _enterprise(body: dict[str, Any]) -> object:
    team = as_object(body.get("team")) or {}
    return _id_in(body.get("enterprise")) or body.get("enterprise_id") or team.get("enterprise_id")


def _user(body: dict[str, Any], event: dict[str, Any] | None) -> object:
    """Return the acting user's id: the form's, the interaction's, or the event's."""
    for source in (body, event) if event else (body,):
        user = source.get("user")
        found = user.get("id") if isinstance(user, dict) else user or source.get("user_id")
        if found:
            return found
    return None


def _channel(body: dict[str, Any], event: dict[str, Any] | None) -> object:
    """Return the channel's id, or None if the payload is not about a channel."""
    for source in (event, body):
        if source is None:
            continue
        channel = source.get("channel")
        found = channel.get("id") if isinstance(channel, dict) else channel or source.get("channel_id")
        if found:
            return found
    for name in ("item", "container"):
        holder = as_object((event or body).get(name))
        if holder:
            return holder.get("channel") or holder.get("channel_id")
    return None


def _id_in(value: object) -> object:
    return value.get("id") if isinstance(value, dict) else value


def _flag(value: object) -> bool | None:
    """Return a flag, which forms carry as text; None if it is absent or is neither true nor false."""
    if value is True or value == "true":
        return True
    return False if value is False or value == "false" else None
