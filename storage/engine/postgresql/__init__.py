"""PostgreSQL as the engine. Nothing imports this package until a store in PostgreSQL is opened: it needs psycopg."""

from latchkey.storage.engine.postgresql.connecting import connect
from latchkey.storage.engine.postgresql.database_url import DatabaseUrl
from latchkey.storage.engine.postgresql.keyvalue import PostgresqlKeyValue
from latchkey.storage.engine.postgresql.migrating import is_created, migrate, pending_migrations
from latchkey.storage.engine.postgresql.presence import RowPresence
from latchkey.storage.engine.postgresql.snapshot import Snapshot

__all__ = [
    "DatabaseUrl",
    "PostgresqlKeyValue",
    "RowPresence",
    "Snapshot",
    "connect",
    "is_created",
    "migrate",
    "pending_migrations",
]
