"""SQLite as the engine: the file, its connections, and the processes that have it open."""

from latchkey.storage.engine.sqlite.database_file import (
    SIDE_FILE_SUFFIXES,
    check_is_store,
    copy_store,
    create_database,
    is_foreign,
    leave_wal_mode,
    remove_store,
    sha256_of,
    side_files,
    wal_file,
)
from latchkey.storage.engine.sqlite.locks import maintenance_lock
from latchkey.storage.engine.sqlite.processes import FilePresence, exclusive, no_replace, open_processes, refuse_open
from latchkey.storage.engine.sqlite.read_only import ReadOnlyKeyValue
from latchkey.storage.engine.sqlite.sqlite_keyvalue import SqliteKeyValue
from latchkey.storage.engine.sqlite.sqlite_version import SQLITE_VERSION, has_wal_reset_bug

__all__ = [
    "SIDE_FILE_SUFFIXES",
    "SQLITE_VERSION",
    "FilePresence",
    "ReadOnlyKeyValue",
    "SqliteKeyValue",
    "check_is_store",
    "copy_store",
    "create_database",
    "exclusive",
    "has_wal_reset_bug",
    "is_foreign",
    "leave_wal_mode",
    "maintenance_lock",
    "no_replace",
    "open_processes",
    "refuse_open",
    "remove_store",
    "sha256_of",
    "side_files",
    "wal_file",
]
