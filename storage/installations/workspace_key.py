"""The key under which a workspace is stored, the same for saving and for looking up.

Invariant: a workspace is (enterprise_id, team_id). An org-wide installation is
stored under its enterprise_id only, even if it came with a team_id. None and
"" mean the same.
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
        """Return the key of an installation with these ids."""
        if is_enterprise_install and enterprise_id:
            return cls(enterprise_id, "")
        return cls(enterprise_id or "", team_id or "")

    @property
    def is_org(self) -> bool:
        """Whether this is an org-wide installation."""
        return bool(self.enterprise_id) and not self.team_id

    @property
    def record_id(self) -> str:
        """The id of the workspace's own records. Its parts are quoted, so that no two workspaces share one."""
        return f"{_quote(self.enterprise_id)}/{_quote(self.team_id)}"

    @property
    def user_prefix(self) -> str:
        """The prefix of the ids of all its users' records, and of no other workspace's."""
        return f"{self.record_id}/"

    def user_record_id(self, user_id: str | None) -> str:
        return self.user_prefix + _quote(user_id or "")


def ids_in(record_id: str) -> tuple[str, str, str]:
    """Return (enterprise id, team id, user id) from a workspace's or a user's record id; "" for an absent part."""
    enterprise_id, team_id, user_id = ([unquote(part) for part in record_id.split("/")] + ["", "", ""])[:3]
    return enterprise_id, team_id, user_id


def _quote(text: str) -> str:
    # UTF-8 has no lone surrogates; they are quoted as the bytes that they would be.
    return quote(text, safe="", errors="surrogatepass")
