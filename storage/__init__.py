"""Everything at rest: keyring, encryption, engine, installations, OAuth states, inbox and backups.

Invariant: only `engine.sqlite` knows sqlitedict, and only `crypto.sealing` knows
`cryptography`. Other packages, and other programs, import only this module.
"""

from latchkey.storage.backup import (
    Backup,
    ChangeKind,
    RestorePreview,
    check_backup,
    list_backups,
    make_backup,
    preview_restore,
    prune,
    read_backup,
    restore,
    restoring,
)
from latchkey.storage.crypto import PREFIX_LENGTH, KeyEntry, read_keyring
from latchkey.storage.engine import (
    SQLITE_VERSION,
    StoreProcess,
    acting_as_owner_of,
    become_owner_of,
    create_private_file,
    forbid_core_dumps,
    has_wal_reset_bug,
    open_processes,
    refuse_open,
    sha256_of,
    side_files,
    wal_file,
)
from latchkey.storage.inbox import EventStatus, Inbox, Outcome, OutcomeKind, StoredEvent, event_id_of
from latchkey.storage.installations import (
    NOT_CACHED,
    InstallationPage,
    Installations,
    InstalledWorkspace,
    NotCached,
    UserToken,
    WorkspaceKey,
    bot_value,
    installer_value,
)
from latchkey.storage.opening import check_files, open_for_command, open_store
from latchkey.storage.rotation import KeyUse, KeyUsers, ProgressCallback, RotationResult, StoreKeys, VerificationResult
from latchkey.storage.states import States
from latchkey.storage.store import CommandStore, Store
from latchkey.storage.tables import BOTS, FAILED, INSTALLATIONS, SEALED_TABLES, WORKSPACES

__all__ = [
    "BOTS",
    "FAILED",
    "INSTALLATIONS",
    "NOT_CACHED",
    "PREFIX_LENGTH",
    "SEALED_TABLES",
    "SQLITE_VERSION",
    "WORKSPACES",
    "Backup",
    "ChangeKind",
    "CommandStore",
    "EventStatus",
    "Inbox",
    "InstallationPage",
    "Installations",
    "InstalledWorkspace",
    "KeyEntry",
    "KeyUse",
    "KeyUsers",
    "NotCached",
    "Outcome",
    "OutcomeKind",
    "ProgressCallback",
    "RestorePreview",
    "RotationResult",
    "States",
    "Store",
    "StoreKeys",
    "StoreProcess",
    "StoredEvent",
    "UserToken",
    "VerificationResult",
    "WorkspaceKey",
    "acting_as_owner_of",
    "become_owner_of",
    "bot_value",
    "check_backup",
    "check_files",
    "create_private_file",
    "event_id_of",
    "forbid_core_dumps",
    "has_wal_reset_bug",
    "installer_value",
    "list_backups",
    "make_backup",
    "open_for_command",
    "open_processes",
    "open_store",
    "preview_restore",
    "prune",
    "read_backup",
    "read_keyring",
    "refuse_open",
    "restore",
    "restoring",
    "sha256_of",
    "side_files",
    "wal_file",
]
