"""Decides which installation an event that revokes tokens names.

Invariant: the org's installation is named only by an event that says that it
is about an org-wide app. Slack documents `app_uninstalled` and
`tokens_revoked` without that flag and without an enterprise id; such an event
names only what the workspace itself has.
"""

from __future__ import annotations

import logging

from latchkey.storage.installations.workspace_key import WorkspaceKey, ids_in
from latchkey.storage.records import Records
from latchkey.storage.tables import BOTS, INSTALLATIONS

_MAX_LOGGED = 5
"""Orgs named in one warning."""

logger = logging.getLogger("latchkey.storage")


def revoked_workspace(
    records: Records, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool
) -> WorkspaceKey | None:
    """Return the key of the installation that the event names; None if it names none of ours.

    Logs a warning if the event may mean an org-wide installation, which is then kept.
    """
    key = WorkspaceKey.of(enterprise_id, team_id, is_enterprise_install)
    if key.is_org and is_enterprise_install:
        return key
    found = None if key.is_org or is_enterprise_install else installed_workspace(records, key)
    if found is None:
        _warn(records, key)
    return found


def installed_workspace(records: Records, key: WorkspaceKey) -> WorkspaceKey | None:
    """Return the key under which this workspace has records of its own, or None.

    `key` may lack its org; the records do, if the workspace has joined the org since.
    """
    for possible in dict.fromkeys((key, WorkspaceKey("", key.team_id))):
        if possible.team_id and _holds(records, possible):
            return possible
    if not key.enterprise_id and key.team_id:
        # Slack's team ids are unique, whether or not a workspace is in an org.
        same_team = [other for other in _all_keys(records) if other.team_id == key.team_id]
        if len(same_team) == 1:
            return same_team[0]
    return None


def _warn(records: Records, key: WorkspaceKey) -> None:
    orgs = sorted({other.enterprise_id for other in _all_keys(records) if other.is_org})
    if key.enterprise_id:
        orgs = [org for org in orgs if org == key.enterprise_id]
    if orgs:
        logger.warning(
            "Slack revoked tokens of team %s, which has no installation of its own; org-wide installations are kept:"
            " %s; `latchkey installs check` shows whether their tokens are still valid",
            key.team_id or "(not named)",
            ", ".join(orgs[:_MAX_LOGGED]) + (", …" if len(orgs) > _MAX_LOGGED else ""),
        )


def _holds(records: Records, key: WorkspaceKey) -> bool:
    """Whether this workspace has any record, including one that cannot be decrypted."""
    return records.holds(BOTS, key.record_id) or any(True for _ in records.ids(INSTALLATIONS, prefix=key.user_prefix))


def _all_keys(records: Records) -> set[WorkspaceKey]:
    ids = (record_id for table in (INSTALLATIONS, BOTS) for record_id in records.ids(table))
    return {WorkspaceKey(*ids_in(record_id)[:2]) for record_id in ids}
