"""The changes that accompany a new or a removed token: when it expires, and what is known of its refreshes.

Invariant: they are committed together with the record that has the token.
"""

from __future__ import annotations

from typing import Any

from latchkey.storage.engine import Change
from latchkey.storage.installations.token_id import TokenId, pair_in
from latchkey.storage.records import Records
from latchkey.storage.tables import EXPIRIES, REFRESHES


def expiry_id(token_id: TokenId, expires_at: int) -> str:
    """Return the id of a row of EXPIRIES; the rows are sorted by time."""
    return f"{expires_at:012d}/{token_id.record_id}"


def expiry_of(row_id: str) -> tuple[int, TokenId]:
    """Return when which token expires (Unix seconds), from the id of its row."""
    expires_at, _, record_id = row_id.partition("/")
    return int(expires_at), TokenId.parse(record_id)


def for_new_token(records: Records, token_id: TokenId, value: dict[str, Any]) -> list[Change]:
    """Return the changes for a token that an install has stored: a mark that the app must be reinstalled ends.

    The row of the token's earlier expiry stays; the sweep deletes it.
    """
    changes = [records.discard(REFRESHES, token_id.record_id)]
    pair = pair_in(token_id, value)
    if pair is not None and pair.expires_at is not None:
        changes.append(records.put(EXPIRIES, expiry_id(token_id, pair.expires_at), None))
    return changes


def for_removed_token(records: Records, token_id: TokenId) -> list[Change]:
    """Return the changes for a token that is deleted; the sweep deletes the row of its expiry."""
    record_id = token_id.record_id
    return [records.discard(REFRESHES, record_id)] if records.holds(REFRESHES, record_id) else []
