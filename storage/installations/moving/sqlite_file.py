"""Reads the file of slack_sdk's SQLite3InstallationStore, or of its SQLAlchemyInstallationStore with SQLite.

Invariant: the file and its folder are the same afterwards.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from latchkey.errors import SourceError
from latchkey.storage.installations.moving.tables import Row, TableSource

MAGIC = b"SQLite format 3\0"
_WAL_MODE = b"\x02"
"""Byte 19 of a file in WAL mode (sqlite.org/fileformat.html)."""


class SqliteSource(TableSource):
    """An SQLite file with slack_sdk's tables."""

    kind = "slack_sdk's tables in an SQLite file"

    def __init__(self, path: Path, client_id: str | None) -> None:
        """Open the file for reading; raises SourceError."""
        self._path = path
        self.advice: Sequence[str] = [f"shred -u {path}"]
        try:
            self._connection = sqlite3.connect(_address(path), uri=True, isolation_level=None)
        except sqlite3.Error as error:
            raise SourceError(f"{path}: {error}") from None
        self._connection.row_factory = sqlite3.Row
        self._connection.text_factory = _text
        super().__init__(client_id)

    def close(self) -> None:
        self._connection.close()

    def _select(self, query: str, parameters: Mapping[str, Any]) -> Iterator[Row]:
        try:
            for row in self._connection.execute(query, parameters):
                yield dict(row)
        except sqlite3.Error as error:
            # SQLite's messages name tables and columns. The one of Python that quotes a value is avoided by `_text`.
            raise SourceError(
                f"{self._path}: {error}", hint="name the file of slack_sdk's installation store; it was not changed"
            ) from None


def _text(raw: bytes) -> str | bytes:
    """Return a text, or the bytes if they are not UTF-8, which makes their row a damaged one."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _address(path: Path) -> str:
    """Return the URI that opens the file without creating anything beside it; raises SourceError or OSError."""
    with path.open("rb") as file:
        header = file.read(20)
    journal, wal = (path.with_name(path.name + end) for end in ("-journal", "-wal"))
    if journal.exists() and journal.stat().st_size:
        raise SourceError(
            f"{path}: a transaction was interrupted, and {journal.name} is needed to undo it",
            hint=f"undo it with: sqlite3 {path} .tables",
        )
    # Without its -wal, a file in WAL mode could be opened only by creating one.
    immutable = "&immutable=1" if header[19:20] == _WAL_MODE and not wal.exists() else ""
    return f"file:{quote(str(path.absolute()))}?mode=ro{immutable}"
