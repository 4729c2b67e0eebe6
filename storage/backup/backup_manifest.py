"""A backup: a folder with the store's file and a manifest that describes it.

Invariant: only a folder with a backup's name and a valid manifest is a backup.
Any other folder is never changed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from latchkey.errors import StoreRefused
from latchkey.storage.engine import acting_as_owner_of, create_private_file

STORE_NAME = "store.sqlite"
MANIFEST_NAME = "manifest.json"
MANIFEST_VERSION = 1
MAX_MANIFEST_BYTES = 1 << 20

_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z(-\d+)?", re.ASCII)

logger = logging.getLogger("latchkey.storage")


@dataclass(frozen=True)
class Backup:
    """A complete backup."""

    path: Path
    made_at: float
    """Unix seconds."""
    key_ids: tuple[str, ...]
    """The keys that its records need."""
    records: Mapping[str, int]
    """The number of records in each table."""
    unreadable: int
    """The number of records that could not be decrypted when it was made, neither here nor in the store."""
    size: int
    """Bytes of the store's file in it."""
    sha256: str

    @property
    def store(self) -> Path:
        """The path of the store's file in it."""
        return self.path / STORE_NAME


class _Manifest(msgspec.Struct, frozen=True):
    format: Literal["latchkey-backup"]
    version: int
    made_at: datetime
    made_by: str
    bytes: int
    sha256: str
    key_ids: tuple[str, ...]
    unreadable: int
    records: dict[str, int]


def name_for(made_at: float, number: int) -> str:
    """Return the name of a backup made at this time (Unix seconds); `number` is 1 for the first in that second."""
    name = datetime.fromtimestamp(made_at, UTC).strftime("%Y-%m-%dT%H%M%SZ")
    return name if number == 1 else f"{name}-{number}"


def write_manifest(backup: Backup, folder: Path, made_by: str) -> None:
    """Write the manifest into the folder of the new backup."""
    manifest = _Manifest(
        format="latchkey-backup",
        version=MANIFEST_VERSION,
        made_at=datetime.fromtimestamp(backup.made_at, UTC),
        made_by=made_by,
        bytes=backup.size,
        sha256=backup.sha256,
        key_ids=backup.key_ids,
        unreadable=backup.unreadable,
        records=dict(backup.records),
    )
    content = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    create_private_file(folder / MANIFEST_NAME, content + b"\n")


def read_backup(path: Path) -> Backup:
    """Return the backup in this folder, as described by its manifest; raises StoreRefused if it is not a backup."""
    try:
        with acting_as_owner_of(path):
            if not path.is_dir():
                raise StoreRefused(f"there is no backup {path}")
            with open(path / MANIFEST_NAME, "rb") as file:
                content = file.read(MAX_MANIFEST_BYTES + 1)
        manifest = msgspec.json.decode(content, type=_Manifest)
    except OSError as error:
        raise StoreRefused(f"{path} is not a backup of Latchkey: {MANIFEST_NAME}: {error.strerror}") from None
    except (msgspec.DecodeError, ValueError):
        raise StoreRefused(f"{path} is not a backup of Latchkey: {MANIFEST_NAME} is not a manifest") from None
    if manifest.version != MANIFEST_VERSION:
        raise StoreRefused(
            f"the backup {path} was made by another version of Latchkey", hint="upgrade, then restore it"
        )
    return Backup(
        path=path,
        made_at=manifest.made_at.timestamp(),
        key_ids=manifest.key_ids,
        records=manifest.records,
        unreadable=manifest.unreadable,
        size=manifest.bytes,
        sha256=manifest.sha256,
    )


def list_backups(folder: Path) -> list[Backup]:
    """Return the backups in this folder, the newest first; empty if there is no such folder.

    A folder with a backup's name but no valid manifest is logged and left out.
    """
    found = []
    with acting_as_owner_of(folder):
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in paths:
        if _NAME.fullmatch(path.name) and path.is_dir():
            try:
                found.append(read_backup(path))
            except StoreRefused as error:
                logger.warning("%s; it is not used", error)
    return sorted(found, key=lambda backup: (backup.made_at, backup.path.name), reverse=True)
