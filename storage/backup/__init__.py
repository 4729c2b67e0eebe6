"""Backups of the store, and restoring them."""

from latchkey.storage.backup.backup_manifest import Backup, list_backups, read_backup
from latchkey.storage.backup.create import make_backup, prune
from latchkey.storage.backup.database import make_database_backup, restore_into_database
from latchkey.storage.backup.preview import ChangeKind, RestorePreview, preview_restore, preview_restore_into
from latchkey.storage.backup.restore import check_backup, restore, restoring
from latchkey.storage.backup.swap import clear_interrupted, copy_path

__all__ = [
    "Backup",
    "ChangeKind",
    "RestorePreview",
    "check_backup",
    "clear_interrupted",
    "copy_path",
    "list_backups",
    "make_backup",
    "make_database_backup",
    "preview_restore",
    "preview_restore_into",
    "prune",
    "read_backup",
    "restore",
    "restore_into_database",
    "restoring",
]
