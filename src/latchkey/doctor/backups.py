"""The backups: that there is one, that it is young, whole, and could be restored with the keys that are here."""

from __future__ import annotations

from collections.abc import Iterator

from latchkey.doctor.context import Patient
from latchkey.doctor.findings import Finding, finding
from latchkey.errors import KeyringError
from latchkey.storage import list_backups, read_keyring, sha256_of

OLD_SECONDS = 3 * 86400
"""The shipped timer makes one every day."""


def examine(patient: Patient) -> Iterator[Finding]:
    """Look at the newest backup."""
    backups = list_backups(patient.settings.backup_path)
    if not backups:
        yield finding("backup-missing", f"there is no backup in {patient.settings.backup_path}")
        return
    newest = backups[0]
    days = (patient.clock() - newest.made_at) / 86400
    if days * 86400 > OLD_SECONDS:
        yield finding("backup-old", f"{newest.path} was made {days:.0f} days ago")
    if not newest.store.is_file() or sha256_of(newest.store) != newest.sha256:
        yield finding("backup-damaged", f"{newest.store} is not what its manifest tells")
    try:
        missing = set(newest.key_ids) - set(read_keyring(patient.settings.keyring_path).key_ids)
    except KeyringError:
        return  # told with the store
    if missing:
        yield finding("backup-keys-missing", f"{newest.path} needs {', '.join(sorted(missing))}")
