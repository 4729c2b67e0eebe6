"""Whose workspace, user and channel a payload is about, whatever shape it has.

Rule: one resolver for every payload. The workspace is the one that *installed*
the app, which in a Slack Connect channel is not always the one that acted; the
order is Bolt's (`request/internals.py`), so that an app moved here finds the
same installs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from latchkey.errors import PayloadError


class Workspace(NamedTuple):
    """The workspace whose install a payload is for."""

    enterprise_id: str | None
    team_id: str | None
    is_enterprise_install: bool


def workspace_of(body: dict[str, Any]) -> tuple[object, object, bool]:
    """Return (enterprise id, team id, whether the org installed the app), as they stand in the body."""
    authorization = _first_authorization(body)
    if authorization is not None:
        return (
            authorization.get("enterprise_id"),
            authorization.get("team_id") or body.get("team_id"),
            _true(authorization.get("is_enterprise_install")),
        )
    return _enterprise(body), _team(body), _true(body.get("is_enterprise_install"))


def user_of(body: dict[str, Any]) -> object:
    """Return the acting user's id: the form's, the interaction's, or the event's."""
    event = as_object(body.get("event"))
    for source in (body, event) if event else (body,):
        user = source.get("user")
        found = user.get("id") if isinstance(user, dict) else user or source.get("user_id")
        if found:
            return found
    return None


def channel_of(body: dict[str, Any]) -> object:
    """Return the channel's id, or None for what happens in none."""
    event = as_object(body.get("event"))
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


def as_object(value: object) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _first_authorization(body: dict[str, Any]) -> dict[str, Any] | None:
    authorizations = body.get("authorizations")
    if authorizations is None:
        return None
    if not isinstance(authorizations, list) or not all(isinstance(item, dict) for item in authorizations):
        raise PayloadError("authorizations")
    return authorizations[0] if authorizations else None


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


def _id_in(value: object) -> object:
    return value.get("id") if isinstance(value, dict) else value


def _true(value: object) -> bool:
    """Forms carry the flag as text."""
    return value is True or value == "true"
