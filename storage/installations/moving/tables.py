"""Reads the tables of slack_sdk's SQLite3InstallationStore and SQLAlchemyInstallationStore, by any SQL connection.

The history is reduced by reading ids first: no token gets into a temporary file, which a database may create to sort.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from heapq import merge
from itertools import groupby
from typing import Any, NamedTuple

from latchkey.errors import SourceError
from latchkey.storage.installations.moving.incoming import Incoming, IncomingWorkspace
from latchkey.storage.installations.moving.source import TEXTS, Damaged, bot_of, installation_of

INSTALLATIONS, BOTS = "slack_installations", "slack_bots"
COLUMNS = {*TEXTS, "id", "client_id", "bot_scopes", "bot_token_expires_at", "user_scopes", "user_token_expires_at"} | {
    *("is_enterprise_install", "installed_at")
}
"""slack_sdk's own columns of the installations."""

Row = Mapping[str, Any]

# An org-wide installation is one workspace, whether or not it was saved with the id of a workspace.
_TEAM = "CASE WHEN is_enterprise_install AND coalesce(enterprise_id, '') <> '' THEN '' ELSE coalesce(team_id, '') END"
_IDS = f"""
    SELECT id, coalesce(enterprise_id, '') AS enterprise, {_TEAM} AS team FROM {{table}}
    WHERE client_id = :client_id ORDER BY enterprise, team, installed_at, id
"""


class _Id(NamedTuple):
    workspace: tuple[str, str]
    table: str
    row_id: int


class TableSource(ABC):
    """A source with the two tables of one app. A subclass opens the connection, and then calls this `__init__`."""

    def __init__(self, client_id: str | None) -> None:
        """Find the app that `client_id` names.

        Closes the source and raises SourceError if the tables are missing, or hold several apps.
        """
        try:
            self._client_id = self._app(client_id)
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    @abstractmethod
    def _select(self, query: str, parameters: Mapping[str, Any]) -> Iterator[Row]:
        """Run a query with named parameters; raises SourceError."""

    def count(self) -> int:
        ids = f"SELECT DISTINCT coalesce(enterprise_id, ''), {_TEAM} FROM {INSTALLATIONS} WHERE client_id = :client_id"
        [row] = self._select(f"SELECT count(*) AS number FROM ({ids}) AS found", {"client_id": self._client_id})
        return int(row["number"])

    def workspaces(self) -> Iterator[IncomingWorkspace | Damaged]:
        # A database may sort texts in another order than Python. Then a workspace is yielded in several parts.
        ordered = merge(self._ids(BOTS), self._ids(INSTALLATIONS), key=lambda found: found.workspace)
        for _, ids in groupby(ordered, lambda found: found.workspace):
            incoming = Incoming()
            for found in ids:
                yield from self._read(found, incoming)
            yield from incoming.workspaces()

    def _read(self, found: _Id, incoming: Incoming) -> Iterator[Damaged]:
        rows = self._select(f"SELECT * FROM {found.table} WHERE id = :id", {"id": found.row_id})
        for row in rows:
            try:
                if found.table == INSTALLATIONS:
                    incoming.add(installation_of({**row, "custom_values": _custom_values(row)}))
                elif row.get("bot_token"):
                    incoming.add_bot(bot_of(row))
            except ValueError as error:
                yield Damaged(f"{found.table}, id {found.row_id}", str(error))

    def _ids(self, table: str) -> Iterator[_Id]:
        for row in self._select(_IDS.format(table=table), {"client_id": self._client_id}):
            yield _Id((row["enterprise"], row["team"]), table, row["id"])

    def _app(self, client_id: str | None) -> str:
        tables = f"SELECT client_id FROM {INSTALLATIONS} UNION SELECT client_id FROM {BOTS}"
        apps = sorted(str(row["client_id"]) for row in self._select(tables, {}))
        if not apps:
            raise SourceError("the source contains no installations")
        if client_id is None and len(apps) == 1:
            return apps[0]
        if client_id not in apps:
            named = f"not of the app {client_id}" if client_id else "of several apps"
            raise SourceError(
                f"the source contains installations {named}: {', '.join(apps)}", hint="choose one with --client-id"
            )
        return str(client_id)


def _custom_values(row: Row) -> dict[str, Any]:
    """Return the values of the columns that an app has added to slack_sdk's table."""
    added = ((name, value) for name, value in row.items() if name not in COLUMNS and value is not None)
    return {name: value for name, value in added if isinstance(value, str | int | float)}
