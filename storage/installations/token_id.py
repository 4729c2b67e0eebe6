"""Names one token of an installation, and reads or replaces it in the record that has it.

Invariant: the bot's token and each user's token are in records of their own, so that neither is written with the
other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from latchkey.storage.installations.workspace_key import WorkspaceKey, ids_in
from latchkey.storage.tables import BOTS, INSTALLATIONS

_BOT, _USER = "b", "u"


class TokenId(NamedTuple):
    """The bot's token of a workspace, or a user's if `user_id` is set."""

    key: WorkspaceKey
    user_id: str | None = None

    @property
    def kind(self) -> str:
        """`bot` or `user`."""
        return "bot" if self.user_id is None else "user"

    @property
    def record_id(self) -> str:
        """The id of records about this token."""
        return f"{_BOT if self.user_id is None else _USER}/{self.home_id}"

    @property
    def home(self) -> str:
        """The table of the record that has the token."""
        return BOTS if self.user_id is None else INSTALLATIONS

    @property
    def home_id(self) -> str:
        """The id of the record that has the token."""
        return self.key.record_id if self.user_id is None else self.key.user_record_id(self.user_id)

    @classmethod
    def parse(cls, record_id: str) -> TokenId:
        """Return the token that a record id names."""
        kind, _, home_id = record_id.partition("/")
        enterprise_id, team_id, user_id = ids_in(home_id)
        return cls(WorkspaceKey(enterprise_id, team_id), user_id if kind == _USER else None)

    def __str__(self) -> str:
        """Return how messages name the token."""
        name = f"the bot token of {_name(self.key)}"
        return name if self.user_id is None else f"the token of user {self.user_id} of {_name(self.key)}"


@dataclass(frozen=True)
class TokenPair:
    """An access token, and the refresh token that replaces it, if it expires."""

    access_token: str
    refresh_token: str | None = None
    expires_at: int | None = None
    """Unix seconds; None if the token does not expire."""

    def __repr__(self) -> str:
        """Leave out the tokens, so that none gets into a log."""
        return f"TokenPair(expires_at={self.expires_at})"

    def is_valid_at(self, time: float) -> bool:
        """Whether the access token has not expired by then (Unix seconds)."""
        return self.expires_at is None or time < self.expires_at


def pair_in(token_id: TokenId, value: dict[str, Any]) -> TokenPair | None:
    """Return the token in its record's value; None if there is none."""
    token, refresh_token, expires_at = (value.get(name) for name in _fields(token_id))
    return None if token is None else TokenPair(token, refresh_token, expires_at)


def with_pair(token_id: TokenId, value: dict[str, Any], pair: TokenPair) -> dict[str, Any]:
    """Return the record's value with this token instead of its own."""
    tokens = (pair.access_token, pair.refresh_token, pair.expires_at)
    return {**value, **dict(zip(_fields(token_id), tokens, strict=True))}


def _fields(token_id: TokenId) -> tuple[str, str, str]:
    kind = token_id.kind
    return f"{kind}_token", f"{kind}_refresh_token", f"{kind}_token_expires_at"


def _name(key: WorkspaceKey) -> str:
    return f"org {key.enterprise_id}" if key.is_org else f"workspace {key.team_id}"
