"""The workspaces and orgs that may use the app (`[install] workspaces`)."""

from __future__ import annotations

from collections.abc import Iterable


class AllowedWorkspaces:
    """Workspaces by team id, and orgs with all their workspaces by enterprise id."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        """Without ids, every workspace is allowed."""
        self._ids = frozenset(ids)
        self.allows_all = not self._ids

    def allow(self, enterprise_id: str | None, team_id: str | None) -> bool:
        """Return whether a workspace may use the app, or an org as a whole if `team_id` is None."""
        return self.allows_all or team_id in self._ids or enterprise_id in self._ids
