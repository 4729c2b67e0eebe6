"""Checks that there is a recent, intact backup, and that the keyring has its keys."""

from __future__ import annotations

from collections.abc import Iterator

from latchkey.doctor.doctor_context import DoctorContext
from latchkey.doctor.findings import Finding, finding
from latchkey.errors import KeyringError
from latchkey.storage import list_backups, read_keyring, sha256_of

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
    if not newest.store.is_file() or sha256_of(newest.store) != newest.sha256:
        yield finding("backup-damaged", f"{newest.store} does not match its manifest")
    try:
        missing = set(newest.key_ids) - set(read_keyring(settings.keyring_path).key_ids)
    except KeyringError:
        return  # reported with the store
    if missing:
        yield finding("backup-keys-missing", f"{newest.path} needs the key ids {', '.join(sorted(missing))}")
