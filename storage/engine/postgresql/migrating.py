"""The database's schema: one numbered file for each change, applied in order, each once.

Invariant: the code of the release before a migration works after it, so that servers can be upgraded one by one.
The first line of a file names the oldest code, by the number of its newest migration, that works with the schema.
"""

from __future__ import annotations

import logging
import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import psycopg

from latchkey.errors import StoreRefused
from latchkey.storage.engine.postgresql.commit_plan import key_of
from latchkey.storage.engine.postgresql.connecting import connect
from latchkey.storage.engine.postgresql.database_url import DatabaseUrl
from latchkey.storage.engine.postgresql.errors import translated
from latchkey.storage.engine.postgresql.statements import TableStatements

LOCK = 0x4C4B4D31
"""Of PostgreSQL's advisory locks, the one that migrations hold ("LKM1")."""
_FIRST_LINE = re.compile(r"-- works with the code of: (\d+)\n")

logger = logging.getLogger("latchkey.storage")


class Migration(NamedTuple):
    """One change of the schema."""

    number: int
    name: str
    oldest_code: int
    """The number of the newest migration that the oldest code knows that works with the schema after this one."""
    sql: str


@cache
def all_migrations() -> tuple[Migration, ...]:
    """Return the migrations that this code knows, in order."""
    found = []
    for file in files(__package__).joinpath("migrations").iterdir():
        number, _, name = file.name.removesuffix(".sql").partition("_")
        if file.name.endswith(".sql"):
            text = file.read_text()
            oldest = _FIRST_LINE.match(text)
            if oldest is None:
                raise AssertionError(f"{file.name}: its first line must name the oldest code that works with it")
            found.append(Migration(int(number), name, int(oldest[1]), text))
    return tuple(sorted(found))


def migrate(url: DatabaseUrl) -> list[Migration]:
    """Apply what is missing, in one transaction; returns it. Raises StoreRefused or StoreUnavailable.

    Changes nothing, and needs no right to change the schema, if nothing is missing.
    """
    with connect(url) as connection, translated():
        if not _pending(connection):
            return []
        try:
            with connection.transaction():
                connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '30s'")
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
                pending = _pending(connection)  # another server may have been faster
                for migration in pending:
                    _apply(connection, migration)
        except psycopg.errors.InsufficientPrivilege:
            raise StoreRefused(
                f"the schema of {url} must be created or upgraded, and this user may not do that",
                hint="run `latchkey storage migrate` with a URL of a user who may create tables",
            ) from None
    for migration in pending:
        logger.info("schema: applied migration %d (%s)", migration.number, migration.name)
    return list(pending)


def pending_migrations(url: DatabaseUrl) -> list[Migration]:
    """Return the migrations that are not applied yet. Raises StoreRefused or StoreUnavailable."""
    with connect(url) as connection, translated():
        return _pending(connection)


def is_created(url: DatabaseUrl, table: str, record_id: str) -> bool:
    """Whether a database has our schema, and this record in it. Raises StoreRefused or StoreUnavailable."""
    with connect(url) as connection, translated():
        if _pending(connection) == list(all_migrations()):
            return False
        statement = TableStatements.of(table).existing
        return bool(connection.execute(statement, ([key_of(record_id)],)).fetchone())


def _pending(connection: psycopg.Connection) -> list[Migration]:
    """Raises StoreRefused if the schema is newer than this code and does not work with it."""
    known = all_migrations()
    row = connection.execute("SELECT to_regclass('latchkey.migrations')").fetchone()
    if row is None or row[0] is None:
        return list(known)
    applied: dict[int, int] = dict(connection.execute("SELECT number, oldest_code FROM latchkey.migrations").fetchall())
    newest = max(applied, default=0)
    if newest > known[-1].number and applied[newest] > known[-1].number:
        raise StoreRefused(
            f"the schema of the store (migration {newest}) is of a newer version of Latchkey,"
            f" which works with migration {applied[newest]} and later ones; this version knows {known[-1].number}",
            hint="upgrade Latchkey",
        )
    return [migration for migration in known if migration.number not in applied]


def _apply(connection: psycopg.Connection, migration: Migration) -> None:
    if migration.number == 1:
        connection.execute("CREATE SCHEMA IF NOT EXISTS latchkey")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS latchkey.migrations (number integer PRIMARY KEY, name text NOT NULL,"
            " oldest_code integer NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
        )
    # Our own files, not a user's input.
    connection.execute(psycopg.sql.SQL(migration.sql))
    connection.execute(
        "INSERT INTO latchkey.migrations (number, name, oldest_code) VALUES (%s, %s, %s)",
        (migration.number, migration.name, migration.oldest_code),
    )
