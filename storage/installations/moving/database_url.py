"""Reads the tables of slack_sdk's SQLAlchemyInstallationStore through SQLAlchemy, which need not be installed.

A URL of SQLite is read as a file, without SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from latchkey.errors import SourceError
from latchkey.storage.installations.moving.tables import BOTS, INSTALLATIONS, Row, TableSource


def sqlite_path(url: str) -> Path | None:
    """Return the file that a URL of SQLite names (sqlite:///relative, sqlite:////absolute); None for others.

    Raises SourceError if the URL contains a password, which other users of this machine could see.
    """
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        raise SourceError("the URL of the database cannot be parsed") from None
    if password:
        raise SourceError(
            "the URL contains a password, which every user of this machine can see on the command line",
            hint="leave it out, and use the database's password file, such as ~/.pgpass",
        )
    if parts.scheme.partition("+")[0] != "sqlite":
        return None
    path = unquote(parts.path.removeprefix("/"))
    if not path:
        raise SourceError("the URL of the SQLite database names no file", hint="for example sqlite:///app.db")
    return Path(path)


class DatabaseSource(TableSource):
    """A database that SQLAlchemy can connect to."""

    kind = "slack_sdk's tables in a database"
    advice: Sequence[str] = (f"DROP TABLE {INSTALLATIONS}; DROP TABLE {BOTS};   (in the database)",)

    def __init__(self, url: str, client_id: str | None) -> None:
        """Connect; raises SourceError."""
        try:
            import sqlalchemy
        except ImportError:
            raise SourceError(
                "reading a database other than SQLite needs SQLAlchemy and the database's driver",
                hint="install both beside Latchkey, for example: .venv/bin/pip install sqlalchemy psycopg",
            ) from None
        self._sqlalchemy = sqlalchemy
        try:
            self._engine = sqlalchemy.create_engine(url, hide_parameters=True)
            self._connection = self._engine.connect()
        except ImportError as error:
            raise SourceError(
                f"the database's driver {error.name} is not installed", hint="install it with .venv/bin/pip install"
            ) from None
        except (sqlalchemy.exc.SQLAlchemyError, ValueError) as error:
            raise SourceError(f"the database cannot be opened: {_reason(error)}") from None
        super().__init__(client_id)

    def close(self) -> None:
        # Nothing was changed; SQLAlchemy ends the transaction with a rollback.
        self._connection.close()
        self._engine.dispose()

    def _select(self, query: str, parameters: Mapping[str, Any]) -> Iterator[Row]:
        try:
            for row in self._connection.execute(self._sqlalchemy.text(query), parameters).mappings():
                yield dict(row)
        except (self._sqlalchemy.exc.SQLAlchemyError, UnicodeError) as error:
            raise SourceError(f"the database cannot be read: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    """Return the first line of an error: the following ones may quote the query."""
    return str(error).partition("\n")[0] or type(error).__name__
