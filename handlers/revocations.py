"""Applies the events with which Slack reports that tokens were revoked.

Invariant: the events of a workspace are dropped before its tokens are deleted, and the request is answered after both.
If the server is killed between the two, Slack sends the event again, and both are done then.
"""

from __future__ import annotations

import logging

from latchkey.handlers.services import Services
from latchkey.slackapi.requests import Payload, Revocation, WorkspaceId, revocation

logger = logging.getLogger("latchkey.http")


async def apply_revocation(services: Services, payload: Payload, request_id: str) -> None:
    """Delete exactly what the event says was revoked, without a call to Slack.

    If workspaces no longer have the app, their unfinished events are dropped. Raises PayloadError or StoreUnavailable.
    """
    revoked = revocation(payload)
    if revoked is None:
        return
    dropped = await _drop_events(services, revoked) if revoked.ends_workspaces else 0
    removed = await _remove(services, revoked)
    services.metrics.uninstalls[payload.type].inc()
    workspace = revoked.workspace
    logger.info(
        "%s removed %d records and dropped %d unfinished events team=%s request_id=%s",
        payload.type,
        removed,
        dropped,
        ",".join(revoked.team_ids) or workspace.team_id or workspace.enterprise_id,
        request_id,
    )


async def _drop_events(services: Services, revoked: Revocation) -> int:
    only_through_org: set[str] = set()
    org = revoked.workspace.enterprise_id if revoked.workspace.is_enterprise_install else None
    if revoked.everything and org is not None:
        found = [workspace for workspace in services.events.workspaces() if workspace.enterprise_id == org]
        team_ids = {workspace.team_id for workspace in found if workspace.team_id is not None}
        only_through_org = team_ids - await services.store.installations.async_own_installations(org, team_ids)

    def covers(workspace: WorkspaceId) -> bool:
        return revoked.covers(workspace, only_through_org)

    return await services.events.drop(covers, revoked.event_time)


async def _remove(services: Services, revoked: Revocation) -> int:
    installations, workspace = services.store.installations, revoked.workspace
    if revoked.team_ids:
        return await installations.async_remove_teams(
            workspace.enterprise_id, revoked.team_ids, event_time=revoked.event_time
        )
    return await installations.async_remove_revoked(
        workspace.enterprise_id,
        workspace.team_id,
        is_enterprise_install=workspace.is_enterprise_install,
        everything=revoked.everything,
        bot=revoked.bot,
        user_ids=revoked.user_ids,
        event_time=revoked.event_time,
    )
