"""The SQL of one table of records."""

from __future__ import annotations

from typing import NamedTuple

from psycopg.sql import SQL, Composed, Identifier

SCHEMA = "latchkey"


class TableStatements(NamedTuple):
    """Keys and values are passed and returned as bytes, in PostgreSQL's binary format.

    Statements on several records lock them in the order of their keys, so that two of them never wait for each other.
    """

    get: Composed
    existing: Composed
    count_all: Composed
    read_all: Composed
    lock: Composed
    """Lock and return those of the records that exist."""
    put: Composed
    insert: Composed
    """Inserts those that do not exist yet."""
    delete: Composed
    update: Composed
    """Write each value whose record has the expected one."""
    remove_before: Composed
    scan: Composed
    scan_prefix: Composed
    count_by_prefix: Composed

    @classmethod
    def of(cls, table: str) -> TableStatements:
        """Return the statements of this table."""
        name = Identifier(SCHEMA, table)
        return cls(*(SQL(text).format(table=name) for text in _TEXTS.values()))


_TEXTS = {
    "get": "SELECT value FROM {table} WHERE key = %b",
    "existing": "SELECT key FROM {table} WHERE key = ANY(%b)",
    "count_all": "SELECT count(*) FROM {table}",
    "read_all": "SELECT count(md5(value)) FROM {table}",
    "lock": "SELECT key, value FROM {table} WHERE key = ANY(%b) ORDER BY key FOR UPDATE",
    "put": "INSERT INTO {table} (key, value) SELECT * FROM unnest(%b::bytea[], %b::bytea[])"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    "insert": "INSERT INTO {table} (key, value) SELECT * FROM unnest(%b::bytea[], %b::bytea[]) ON CONFLICT DO NOTHING",
    "delete": "DELETE FROM {table} WHERE key IN (SELECT key FROM {table} WHERE key = ANY(%b) ORDER BY key FOR UPDATE)",
    "update": "UPDATE {table} AS stored SET value = new.value"
    " FROM unnest(%b::bytea[], %b::bytea[], %b::bytea[]) AS new(value, key, expected)"
    " WHERE stored.key = new.key AND stored.value = new.expected",
    "remove_before": "DELETE FROM {table} WHERE key IN"
    " (SELECT key FROM {table} WHERE key < %b ORDER BY key LIMIT %b FOR UPDATE SKIP LOCKED)",
    "scan": "SELECT key, value FROM {table} WHERE key > %b ORDER BY key LIMIT %b",
    "scan_prefix": "SELECT key, value FROM {table} WHERE key > %b AND key >= %b AND key < %b ORDER BY key LIMIT %b",
    # max() knows no bytea before PostgreSQL 18; hexadecimal digits sort like the bytes.
    "count_by_prefix": "SELECT max(encode(key, 'hex')), count(*), prefix FROM"
    " (SELECT key, substring(value FROM 1 FOR %b) AS prefix FROM {table} WHERE key > %b ORDER BY key LIMIT %b) AS page"
    " GROUP BY prefix",
}
