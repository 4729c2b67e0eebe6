"""Everything at rest: keyring, sealing, the engine, installations, states and the inbox.

Rule: this folder alone knows sqlitedict, and `sealing` alone knows the
cryptography. Other rooms, and other programs, come in through `open_store`.
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
from latchkey.storage.crypto import PREFIX_LENGTH, KeyEntry, forbid_core_dumps, read_keyring
from latchkey.storage.engine import Opener, create_private_file, refuse_open, sha256_of
from latchkey.storage.inbox import EventStatus, Inbox, Outcome, OutcomeKind, StoredEvent, event_id_of
from latchkey.storage.installations import (
    InstallationPage,
    Installations,
    InstalledWorkspace,
    WorkspaceKey,
    bot_value,
    installer_value,
)
from latchkey.storage.opening import open_store
from latchkey.storage.progress import ProgressCallback
from latchkey.storage.rotation import Findings, KeyUse, Rotated, StoreKeys
from latchkey.storage.states import States
from latchkey.storage.store import Store
from latchkey.storage.tables import BOTS, INSTALLATIONS, SEALED_TABLES, WORKSPACES

__all__ = [
    "BOTS",
    "INSTALLATIONS",
    "PREFIX_LENGTH",
    "SEALED_TABLES",
    "WORKSPACES",
    "Backup",
    "ChangeKind",
    "EventStatus",
    "Findings",
    "Inbox",
    "InstallationPage",
    "Installations",
    "InstalledWorkspace",
    "KeyEntry",
    "KeyUse",
    "Opener",
    "Outcome",
    "OutcomeKind",
    "ProgressCallback",
    "RestorePreview",
    "Rotated",
    "States",
    "Store",
    "StoreKeys",
    "StoredEvent",
    "WorkspaceKey",
    "bot_value",
    "check_backup",
    "create_private_file",
    "event_id_of",
    "forbid_core_dumps",
    "installer_value",
    "list_backups",
    "make_backup",
    "open_store",
    "preview_restore",
    "prune",
    "read_backup",
    "read_keyring",
    "refuse_open",
    "restore",
    "restoring",
    "sha256_of",
]
