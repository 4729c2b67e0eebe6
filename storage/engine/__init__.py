"""The key-value interface and SQLite behind it, private files, and locks between processes."""

from latchkey.storage.engine.database_file import (
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
from latchkey.storage.engine.executor import CALL_TIMEOUT, CallObserver, Executor
from latchkey.storage.engine.keyvalue import ANYTHING, Change, IdSet, KeyValue, Row, Swap
from latchkey.storage.engine.locks import maintenance_lock
from latchkey.storage.engine.private_files import (
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    create_private_file,
    create_private_folder,
    new_private_file,
    refuse_unsafe_modes,
    rename_noreplace,
    replace_private_file,
    sync_folder,
    version_of,
)
from latchkey.storage.engine.privileges import acting_as_owner_of, become_owner_of, forbid_core_dumps
from latchkey.storage.engine.processes import (
    Presence,
    StoreProcess,
    exclusive,
    no_replace,
    open_processes,
    refuse_open,
)
from latchkey.storage.engine.read_only import ReadOnlyKeyValue
from latchkey.storage.engine.sqlite import SqliteKeyValue
from latchkey.storage.engine.sqlite_version import SQLITE_VERSION, has_wal_reset_bug

__all__ = [
    "ANYTHING",
    "CALL_TIMEOUT",
    "PRIVATE_FILE",
    "PRIVATE_FOLDER",
    "SIDE_FILE_SUFFIXES",
    "SQLITE_VERSION",
    "CallObserver",
    "Change",
    "Executor",
    "IdSet",
    "KeyValue",
    "Presence",
    "ReadOnlyKeyValue",
    "Row",
    "SqliteKeyValue",
    "StoreProcess",
    "Swap",
    "acting_as_owner_of",
    "become_owner_of",
    "check_is_store",
    "copy_store",
    "create_database",
    "create_private_file",
    "create_private_folder",
    "exclusive",
    "forbid_core_dumps",
    "has_wal_reset_bug",
    "is_foreign",
    "leave_wal_mode",
    "maintenance_lock",
    "new_private_file",
    "no_replace",
    "open_processes",
    "refuse_open",
    "refuse_unsafe_modes",
    "remove_store",
    "rename_noreplace",
    "replace_private_file",
    "sha256_of",
    "side_files",
    "sync_folder",
    "version_of",
    "wal_file",
]
