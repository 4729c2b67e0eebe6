"""Checks that there is a recent, intact backup, and that the keyring has its keys."""

from __future__ import annotations

from collections.abc import Iterator

from latchkey.doctor.doctor_context import DoctorContext
from latchkey.doctor.findings import Finding, finding
from latchkey.errors import KeyringError
from latchkey.storage import Backup, acting_as_owner_of, list_backups, read_keyring, sha256_of

MAX_AGE_SECONDS = 3 * 86400
"""The shipped timer makes a backup every day."""


def check_backups(context: DoctorContext) -> Iterator[Finding]:
    """Check the newest backup."""
    settings = context.settings
    backups = list_backups(settings.backup_path)
    if not backups:
        yield finding("backup-missing", f"there is no backup in {settings.backup_path}")
        return
    newest = backups[0]
    age = context.clock() - newest.made_at
    if age > MAX_AGE_SECONDS:
        yield finding("backup-old", f"{newest.path} was made {age / 86400:.0f} days ago")
    if not _is_intact(newest):
        yield finding("backup-damaged", f"{newest.store} does not match its manifest")
    try:
        missing = set(newest.key_ids) - set(read_keyring(settings.keyring_path).key_ids)
    except KeyringError:
        return  # reported with the store
    if missing:
        yield finding("backup-keys-missing", f"{newest.path} needs the key ids {', '.join(sorted(missing))}")


def _is_intact(backup: Backup) -> bool:
    with acting_as_owner_of(backup.path):
        return backup.store.is_file() and sha256_of(backup.store) == backup.sha256
