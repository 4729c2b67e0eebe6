"""The preview of a restore: what would be lost, and what would be restored."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from latchkey.storage import Backup, open_store
from latchkey.storage.backup.preview import ChangeKind, RestorePreview, preview_restore
from latchkey.storage.crypto import read_keyring
from tests.storage.backup.restoring import NOW, event
from tests.support.stores import (
    Paths,
    files,
    fill,
    fill_and_crash,
    installation,
    other_process,
)


@contextmanager
def nothing_changed(folder: Path) -> Iterator[None]:
    before = files(folder)
    yield
    assert files(folder) == before


def difference(paths: Paths, backup: Backup) -> RestorePreview:
    return preview_restore(paths[0], backup.store, read_keyring(paths[1]))


def test_preview_lists_lost_older_and_restored_installations(paths: Paths, backup: Backup, tmp_path: Path) -> None:
    with closing(open_store(*paths)) as store:
        store.installations.delete_all(enterprise_id=None, team_id="T1")
        store.installations.save(installation("T2", installed_at=NOW + 60))
        store.inbox.commit([event("Ev1")])
    with nothing_changed(tmp_path):
        found = difference(paths, backup)
    assert not found.problem
    assert found.counts == {ChangeKind.LOST: 2, ChangeKind.OLDER: 2, ChangeKind.RESTORED: 2}
    assert [(item.kind, item.of, item.team_id, item.installed_at, item.installed_at_in_backup) for item in found.changes] == [
        (kind, of, team, *times)
        for of in ("user", "bot")
        for kind, team, times in (
            (ChangeKind.RESTORED, "T1", (None, NOW)), (ChangeKind.OLDER, "T2", (NOW + 60, NOW)), (ChangeKind.LOST, "T3", (NOW, None)),
        )
    ]  # fmt: skip
    assert (found.events_lost, found.events_restored) == (1, 0)
    assert "sentinel" not in repr(found)


def test_preview_shows_no_change_after_a_key_rotation(paths: Paths, backup: Backup) -> None:
    paths[1].write_bytes(Fernet.generate_key() + b"\n" + read_keyring(paths[1]).primary_key.reveal())
    with closing(open_store(*paths)) as store:
        store.installations.delete_all(enterprise_id=None, team_id="T3")
    fill(paths, "T1", "T2")
    assert not difference(paths, backup).changes


@pytest.mark.parametrize("crashed", [False, True])
def test_preview_changes_no_byte(paths: Paths, backup: Backup, tmp_path: Path, crashed: bool) -> None:
    if crashed:
        fill_and_crash(paths, "T4")
    with nothing_changed(tmp_path):
        assert difference(paths, backup).counts[ChangeKind.LOST] == 4 if crashed else 2
    with other_process(paths), nothing_changed(tmp_path):
        difference(paths, backup)


@pytest.mark.parametrize("content", [b"", b"damaged" * 1000])
def test_preview_reports_a_store_that_cannot_be_read(paths: Paths, backup: Backup, content: bytes) -> None:
    paths[0].write_bytes(content)
    assert str(paths[0]) in difference(paths, backup).problem
    paths[0].unlink()
    assert "there is no store" in difference(paths, backup).problem
