"""Who acted in a payload, which in a Slack Connect channel may be a person of another workspace than the app's.

An id that cannot be known for certain is None; the rules are Bolt's (`slack_bolt/request/internals.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from latchkey.slackapi.requests.identity import usable_id
from latchkey.slackapi.requests.payload import Payload


class Actor(NamedTuple):
    """A person, and the workspace and org that the person belongs to."""

    enterprise_id: str | None
    team_id: str | None
    user_id: str | None


def actor_of(payload: Payload) -> Actor:
    """Return who acted."""
    body, event = payload.body, payload.event
    if body.get("is_ext_shared_channel") is not True or body.get("type") != "event_callback":
        return Actor(payload.workspace.enterprise_id, payload.workspace.team_id, payload.user_id)
    enterprise_id, team_id = _enterprise(body, event), _team(body, event)
    user_id = None if enterprise_id is team_id is None else usable_id(event.get("user") or event.get("user_id"))
    return Actor(enterprise_id, team_id, user_id)


def _enterprise(body: dict[str, Any], event: dict[str, Any]) -> str | None:
    found = usable_id(event.get("user_team") or event.get("team"))
    if found is not None and found[0] == "E":
        return found
    return usable_id(body.get("enterprise_id")) if found == body.get("team_id") else None


def _team(body: dict[str, Any], event: dict[str, Any]) -> str | None:
    user_team, team = usable_id(event.get("user_team")), usable_id(event.get("team"))
    if event.get("type") == "app_mention":
        # In these events, an org's id in user_team does not lead to a workspace.
        return team if user_team is None else user_team if user_team[0] == "T" else None
    return _first(_workspace(body, found) for found in (user_team, team))


def _workspace(body: dict[str, Any], found: str | None) -> str | None:
    """Return the workspace that an id of a workspace or an org stands for."""
    if found is None or found[0] == "T":
        return found
    if found[0] == "E":
        for enterprise, team in (("enterprise_id", "team_id"), ("context_enterprise_id", "context_team_id")):
            if found == body.get(enterprise):
                return usable_id(body.get(team))
    return None


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value is not None), None)
