"""What a backup is: a folder with the store's file and a manifest that tells what is in it.

Rule: a folder is a backup where its name is one of ours and its manifest can be
read; every other folder is somebody else's, and is never touched.
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
from latchkey.storage.engine import create_private_file

STORE_NAME = "store.sqlite"
MANIFEST_NAME = "manifest.json"
MANIFEST_VERSION = 1
LARGEST_MANIFEST = 1 << 20

_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z(-\d+)?", re.ASCII)

logger = logging.getLogger("latchkey.storage")


@dataclass(frozen=True)
class Backup:
    """A whole backup."""

    path: Path
    made_at: float
    """Unix seconds."""
    key_ids: tuple[str, ...]
    """The keys without which its records cannot be opened."""
    records: Mapping[str, int]
    """How many records it has, by table."""
    unreadable: int
    """How many of them could not be opened when it was made; they could not be in the store either."""
    size: int
    """Bytes of the store's file."""
    sha256: str

    @property
    def store(self) -> Path:
        """The store's file in it."""
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
    """Return the name of a backup made then (Unix seconds); `number` is 1 for the first of that second."""
    name = datetime.fromtimestamp(made_at, UTC).strftime("%Y-%m-%dT%H%M%SZ")
    return name if number == 1 else f"{name}-{number}"


def write_manifest(backup: Backup, folder: Path, made_by: str) -> None:
    """Put the manifest into the folder in which the backup is being made."""
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
    """Return the backup in this folder, as its manifest tells; raises StoreRefused where it is none."""
    if not path.is_dir():
        raise StoreRefused(f"there is no backup {path}")
    try:
        with open(path / MANIFEST_NAME, "rb") as file:
            content = file.read(LARGEST_MANIFEST + 1)
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
    """Return the backups in this folder, the newest first; none where there is no such folder.

    What is named like one and has no manifest that can be read is logged, and left out.
    """
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if _NAME.fullmatch(path.name) and path.is_dir():
            try:
                found.append(read_backup(path))
            except StoreRefused as error:
                logger.warning("%s; it is left alone", error)
    return sorted(found, key=lambda backup: (backup.made_at, backup.path.name), reverse=True)
