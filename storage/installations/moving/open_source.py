"""Recognises what kind of source the operator has named, and opens it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

from latchkey.errors import SourceError
from latchkey.storage.engine import acting_as_owner_of
from latchkey.storage.installations.moving.database_url import DatabaseSource, sqlite_path
from latchkey.storage.installations.moving.export_file import HEADER, ExportSource
from latchkey.storage.installations.moving.folders import FolderSource
from latchkey.storage.installations.moving.incoming import IncomingWorkspace
from latchkey.storage.installations.moving.source import Damaged, Source
from latchkey.storage.installations.moving.sqlite_file import MAGIC, SqliteSource

READ_AHEAD = 100
"""Workspaces read at a time, as the source's owner."""


class OpenedSource:
    """A source that root reads as the owner of its folder."""

    def __init__(self, source: Source, path: Path) -> None:
        self._source = source
        self._path = path
        self.kind = source.kind
        self.advice = source.advice

    def count(self) -> int:
        """Return about how many workspaces it has; raises SourceError."""
        with acting_as_owner_of(self._path):
            return self._source.count()

    def workspaces(self) -> Iterator[IncomingWorkspace | Damaged]:
        """Yield each workspace, maybe in parts, and each part that cannot be read; raises SourceError."""
        found = self._source.workspaces()
        while True:
            with acting_as_owner_of(self._path):
                batch = list(islice(found, READ_AHEAD))
            if not batch:
                return
            yield from batch


@contextmanager
def open_source(location: str, *, client_id: str | None, key_path: Path | None) -> Iterator[OpenedSource]:
    """Yield the source at this path, or at the URL of a database; raises SourceError or KeyringError.

    `client_id`: the app, if the source has several. `key_path`: the key of an export.
    """
    path = sqlite_path(location) if "://" in location else Path(location)
    folder = path or Path.cwd()
    source: Source
    try:
        with acting_as_owner_of(folder):
            source = _recognised(path, client_id, key_path) if path else DatabaseSource(location, client_id)
    except OSError as error:
        raise SourceError(f"{error.filename or path}: {error.strerror}") from None
    with closing(source):
        yield OpenedSource(source, folder)


def _recognised(path: Path, client_id: str | None, key_path: Path | None) -> Source:
    if not path.is_file():
        return FolderSource(path, client_id)
    with path.open("rb") as file:
        start = file.read(max(len(MAGIC), len(HEADER)))
    if start.startswith(HEADER):
        if key_path is None:
            raise SourceError(f"{path}: is an export of Latchkey", hint="name its key with --key-file")
        return ExportSource(path, key_path)
    if start.startswith(MAGIC):
        return SqliteSource(path, client_id)
    raise SourceError(
        f"{path}: is neither an SQLite file nor an export of Latchkey",
        hint="name the folder, the SQLite file or the database that the old app keeps its installations in",
    )
