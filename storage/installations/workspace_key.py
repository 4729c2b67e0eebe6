"""How a workspace is named at rest, so that every look-up finds what a save has stored.

Rule: a workspace is (enterprise_id, team_id); an org-wide install is its
enterprise_id alone, with whatever team_id it came. None and "" mean the same.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, unquote


class WorkspaceKey(NamedTuple):
    """One workspace, or one org when `team_id` is empty."""

    enterprise_id: str
    team_id: str

    @classmethod
    def of(
        cls, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool | None = False
    ) -> WorkspaceKey:
        """Return the key under which an install with these ids is kept."""
        if is_enterprise_install and enterprise_id:
            return cls(enterprise_id, "")
        return cls(enterprise_id or "", team_id or "")

    @property
    def record_id(self) -> str:
        """The id of the workspace's own records. Ids are quoted, so that no two workspaces share one."""
        return f"{_quote(self.enterprise_id)}/{_quote(self.team_id)}"

    @property
    def user_prefix(self) -> str:
        """What the ids of all its users' records begin with, and no other workspace's do."""
        return f"{self.record_id}/"

    def user_record_id(self, user_id: str | None) -> str:
        return self.user_prefix + _quote(user_id or "")


def ids_in(record_id: str) -> tuple[str, str, str]:
    """Return (enterprise id, team id, user id) of a workspace's or a user's record; "" for what it does not name."""
    enterprise_id, team_id, user_id = ([unquote(part) for part in record_id.split("/")] + ["", "", ""])[:3]
    return enterprise_id, team_id, user_id


def _quote(text: str) -> str:
    # Lone surrogates cannot stand in UTF-8; they are quoted as the bytes they would be.
    return quote(text, safe="", errors="surrogatepass")
