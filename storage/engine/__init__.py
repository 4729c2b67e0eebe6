"""The key-value interface and SQLite's file behind it, with files and locks between processes."""

from latchkey.storage.engine.database_file import (
    ENDS,
    bring_to_rest,
    check_is_store,
    companions,
    copy_store,
    is_foreign,
    remove_store,
    sha256_of,
)
from latchkey.storage.engine.executor import CALL_TIMEOUT, CallObserver, Executor
from latchkey.storage.engine.file_modes import check_modes
from latchkey.storage.engine.keyvalue import ANYTHING, Change, KeyValue, Marks, Row, Swap
from latchkey.storage.engine.maintenance_lock import maintenance_lock
from latchkey.storage.engine.pragmas import APPLICATION_ID
from latchkey.storage.engine.private_files import (
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    create_private_file,
    create_private_folder,
    give_to_owner_of,
    publish,
    replace_private_file,
    sync_folder,
    version_of,
)
from latchkey.storage.engine.processes import Opener, OpenMark, alone, in_place, openers, refuse_open
from latchkey.storage.engine.read_only import Contents, Snapshot, examine
from latchkey.storage.engine.sqlite import SqliteKeyValue

__all__ = [
    "ANYTHING",
    "APPLICATION_ID",
    "CALL_TIMEOUT",
    "ENDS",
    "PRIVATE_FILE",
    "PRIVATE_FOLDER",
    "CallObserver",
    "Change",
    "Contents",
    "Executor",
    "KeyValue",
    "Marks",
    "OpenMark",
    "Opener",
    "Row",
    "Snapshot",
    "SqliteKeyValue",
    "Swap",
    "alone",
    "bring_to_rest",
    "check_is_store",
    "check_modes",
    "companions",
    "copy_store",
    "create_private_file",
    "create_private_folder",
    "examine",
    "give_to_owner_of",
    "in_place",
    "is_foreign",
    "maintenance_lock",
    "openers",
    "publish",
    "refuse_open",
    "remove_store",
    "replace_private_file",
    "sha256_of",
    "sync_folder",
    "version_of",
]
