"""Checks that there is a recent, intact backup, and that the keyring has its keys."""

from __future__ import annotations

from collections.abc import Iterator

from latchkey.doctor.doctor_context import DoctorContext
from latchkey.errors import KeyringError
from latchkey.preflight import Finding, Problem
from latchkey.storage import Backup, acting_as_owner_of, list_backups, read_keyring, sha256_of

MAX_AGE_SECONDS = 3 * 86400
"""The shipped timer makes a backup every day."""

BACKUP_MISSING = Problem.warning(
    "backup-missing",
    cause="There is no backup yet.",
    fix="Run `latchkey backup`, and enable the daily timer.",
)
BACKUP_OLD = Problem.warning(
    "backup-old",
    cause="The newest backup is several days old.",
    fix="Check why the timer does not run, or run `latchkey backup`.",
)
BACKUP_DAMAGED = Problem.error(
    "backup-damaged",
    cause="The newest backup does not match its manifest.",
    fix="Run `latchkey backup`, and check the disk that holds the backups.",
)
BACKUP_KEYS_MISSING = Problem.error(
    "backup-keys-missing",
    cause="The newest backup needs keys that are not in the keyring, so it cannot be restored.",
    fix="Put the keys back, or make a new backup.",
)
PROBLEMS = (BACKUP_MISSING, BACKUP_OLD, BACKUP_DAMAGED, BACKUP_KEYS_MISSING)


def check_backups(context: DoctorContext) -> Iterator[Finding]:
    """Check the newest backup."""
    settings = context.settings
    backups = list_backups(settings.backup_path)
    if not backups:
        yield BACKUP_MISSING.found(f"there is no backup in {settings.backup_path}")
        return
    newest = backups[0]
    age = context.clock() - newest.made_at
    if age > MAX_AGE_SECONDS:
        yield BACKUP_OLD.found(f"{newest.path} was made {age / 86400:.0f} days ago")
    if not _is_intact(newest):
        yield BACKUP_DAMAGED.found(f"{newest.store} does not match its manifest")
    try:
        missing = set(newest.key_ids) - set(read_keyring(settings.keyring_path).key_ids)
    except KeyringError:
        return  # reported with the store
    if missing:
        yield BACKUP_KEYS_MISSING.found(f"{newest.path} needs the key ids {', '.join(sorted(missing))}")


def _is_intact(backup: Backup) -> bool:
    with acting_as_owner_of(backup.path):
        return backup.store.is_file() and sha256_of(backup.store) == backup.sha256
