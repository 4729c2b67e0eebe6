"""Which tokens expire when, soonest first, and what is known of all refreshes.

Invariant: the index has a row for each token that expires. A store of an earlier version has none; it is built from
the installations, a page at a time, and a build that is interrupted starts again.
"""

from __future__ import annotations

from typing import NamedTuple

from latchkey.errors import UnreadableRecord
from latchkey.storage.engine import Change
from latchkey.storage.installations import TokenId, WorkspaceKey, expiry_id, expiry_of, ids_in, pair_in
from latchkey.storage.records import Records, Stored
from latchkey.storage.tables import BOTS, EXPIRIES, INSTALLATIONS, REFRESHES
from latchkey.storage.tokens.attempt import RefreshState

PAGE = 200
_BUILT = "built"
"""The row that says that the index is complete; it sorts after all times."""


class Expiry(NamedTuple):
    """One row of the index."""

    expires_at: int
    """Unix seconds."""
    token_id: TokenId
    row_id: str
    """Pass this to the next call of `due`."""


class BlockingExpiries:
    """The index of what expires. Calls raise StoreUnavailable."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def due(self, until: float, *, after: str = "", limit: int = PAGE) -> list[Expiry]:
        """Return the next tokens that expire by `until` (Unix seconds), soonest first; a row may be outdated."""
        rows = self._records.engine.scan(EXPIRIES, after=after, limit=limit)
        found = [Expiry(*expiry_of(row.record_id), row.record_id) for row in rows if row.record_id != _BUILT]
        return [row for row in found if row.expires_at <= until]

    def remove_if_outdated(self, row: Expiry) -> None:
        """Delete the row if its token is gone, or expires at another time."""
        stored = self._records.read(row.token_id.home, row.token_id.home_id)
        pair = pair_in(row.token_id, stored.value) if stored else None
        if pair is None or pair.expires_at != row.expires_at:
            self._records.commit([self._records.discard(EXPIRIES, row.row_id)])

    def states(self, *, after: str = "", limit: int = PAGE) -> list[tuple[TokenId, RefreshState]]:
        """Return the next tokens whose refresh is in progress, has failed, or is given up, ordered by record id.

        `after` is the record id of the last token of the page before.
        """
        page = self._records.page(REFRESHES, after=after, limit=limit)
        return [(TokenId.parse(found.record_id), RefreshState.of(found)) for found in page if isinstance(found, Stored)]

    def is_built(self) -> bool:
        return self._records.holds(EXPIRIES, _BUILT)

    def build_page(self, table: str, after: str) -> str | None:
        """Index the next records of BOTS or INSTALLATIONS; returns the cursor for the next call, None at the end."""
        page = self._records.page(table, after=after, limit=PAGE)
        changes = [change for found in page if (change := self._row(table, found)) is not None]
        if changes:
            self._records.commit(changes)
        return page[-1].record_id if page else None

    def finish_build(self) -> None:
        self._records.commit([self._records.put(EXPIRIES, _BUILT, None)])

    def _row(self, table: str, found: Stored | UnreadableRecord) -> Change | None:
        if isinstance(found, UnreadableRecord):
            return None
        enterprise_id, team_id, user_id = ids_in(found.record_id)
        token_id = TokenId(WorkspaceKey(enterprise_id, team_id), None if table == BOTS else user_id)
        pair = pair_in(token_id, found.value)
        if pair is None or pair.expires_at is None:
            return None
        return self._records.put(EXPIRIES, expiry_id(token_id, pair.expires_at), None)


INDEXED = (BOTS, INSTALLATIONS)
"""The tables with tokens that may expire."""
