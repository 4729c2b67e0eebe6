"""Reads the events app_uninstalled, tokens_revoked and team_access_revoked.

Invariant: each event is applied on its own, independent of earlier ones: they
arrive in any order, late, twice, and without `authorizations`.
https://docs.slack.dev/reference/events/tokens_revoked
https://docs.slack.dev/reference/events/team_access_revoked
"""

from __future__ import annotations

import math
from collections.abc import Container
from typing import NamedTuple

from latchkey.errors import PayloadError
from latchkey.slackapi.requests.identity import WorkspaceId, as_object, malformed_workspace_field, usable_id
from latchkey.slackapi.requests.payload import Kind, Payload

APP_UNINSTALLED, TOKENS_REVOKED, TEAM_ACCESS_REVOKED = "app_uninstalled", "tokens_revoked", "team_access_revoked"
REVOCATIONS = frozenset({APP_UNINSTALLED, TOKENS_REVOKED, TEAM_ACCESS_REVOKED})
"""The types of the events after which tokens must be deleted. `team_access_granted` deletes nothing."""


class Revocation(NamedTuple):
    """What Slack revoked."""

    workspace: WorkspaceId
    """The workspace or the org that the event is about."""
    everything: bool
    bot: bool
    user_ids: tuple[str, ...]
    team_ids: tuple[str, ...]
    """For team_access_revoked: the workspaces that an org has taken from its org-wide app."""
    event_time: float | None
    """Unix seconds; later installations are not revoked. None: Slack sent no time."""

    @property
    def ends_workspaces(self) -> bool:
        """Whether workspaces no longer have the app at all; otherwise only some tokens are revoked."""
        return self.everything or bool(self.team_ids)

    def covers(self, workspace: WorkspaceId, only_through_org: Container[str | None]) -> bool:
        """Whether this workspace no longer has the app.

        `only_through_org` are the ids of those of the org's workspaces that have not installed the app themselves: for
        them, the end of the org's installation is the end.
        """
        if self.team_ids:
            return workspace.team_id in self.team_ids
        if not self.everything:
            return False
        if self.workspace.is_enterprise_install:
            is_of_org = workspace.enterprise_id is not None and workspace.enterprise_id == self.workspace.enterprise_id
            return is_of_org and (workspace.is_enterprise_install or workspace.team_id in only_through_org)
        # Slack's team ids are unique. Some events of a workspace name its org and some don't.
        is_same_team = workspace.team_id is not None and workspace.team_id == self.workspace.team_id
        return is_same_team and not workspace.is_enterprise_install


def revocation(payload: Payload) -> Revocation | None:
    """Return what this event revokes, or None for any other payload; raises PayloadError."""
    if payload.kind is not Kind.EVENT or payload.type not in REVOCATIONS:
        return None
    if (malformed := malformed_workspace_field(payload.body)) is not None:
        raise PayloadError(malformed)
    workspace, time = payload.workspace, _time(payload)
    if payload.type == APP_UNINSTALLED:
        return Revocation(workspace, True, True, (), (), time)
    if payload.type == TEAM_ACCESS_REVOKED:
        return Revocation(workspace, False, False, (), _team_ids(payload.event.get("team_ids")), time)
    tokens = as_object(payload.event.get("tokens"))
    if tokens is None:
        raise PayloadError("tokens")
    bot, users = _user_ids(tokens.get("bot")), _user_ids(tokens.get("oauth"))
    return Revocation(workspace, False, bool(bot), users, (), time)


def _user_ids(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise PayloadError("tokens")
    return tuple(value)


def _team_ids(value: object) -> tuple[str, ...]:
    found = [usable_id(item) for item in value] if isinstance(value, list) else []
    team_ids = tuple(team_id for team_id in found if team_id is not None)
    if not team_ids or len(team_ids) != len(found):
        raise PayloadError("team_ids")
    return team_ids


def _time(payload: Payload) -> float | None:
    if payload.event_time is not None:
        return payload.event_time
    try:
        time = float(payload.event["event_ts"])
    except (KeyError, TypeError, ValueError):
        return None
    return time if math.isfinite(time) else None
