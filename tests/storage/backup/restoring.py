"""Restores and refused restores, with short arguments."""

import json
from pathlib import Path

import pytest

from latchkey.errors import StoreRefused
from latchkey.storage import Backup, StoredEvent
from latchkey.storage.backup.restore import check_backup, restore, restoring
from latchkey.storage.crypto import read_keyring
from tests.support.stores import (
    Paths,
    files,
)

NOW = 1_795_000_000.0


def put_back(paths: Paths, backup: Backup, **options: bool) -> Path | None:
    keys = read_keyring(paths[1])
    check_backup(backup, keys, paths[1])
    with restoring(paths[0]):
        return restore(paths[0], backup, keys, now=NOW, **options)


def refused(paths: Paths, backup: Backup, said: str, error: type[Exception] = StoreRefused) -> None:
    """The backup is refused with these words, and no file is changed."""
    before = files(paths[0].parent), files(backup.path.parent)
    with pytest.raises(error, match=said) as caught:
        put_back(paths, backup)
    assert "\n" not in str(caught.value)
    assert (files(paths[0].parent), files(backup.path.parent)) == before


def change_manifest(backup: Backup, **values: object) -> None:
    path = backup.path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def event(event_id: str) -> StoredEvent:
    return StoredEvent(event_id, NOW, "request-1", None, b'{"type": "event_callback", "team_id": "T1", "event": {}}')
