"""Backups of the store, and restoring them."""

from latchkey.storage.backup.backup_manifest import Backup, list_backups, read_backup
from latchkey.storage.backup.create import make_backup, prune
from latchkey.storage.backup.preview import ChangeKind, RestorePreview, preview_restore
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
    "preview_restore",
    "prune",
    "read_backup",
    "restore",
    "restoring",
]
