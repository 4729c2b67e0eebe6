"""Changing the keyring: a new file in the old one's place, with every key that is not meant to go."""

import os
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from latchkey.errors import KeyringError
from latchkey.storage.crypto.keyring import HEADER, Key, Keyring, create_keyring, key_id, read_keyring
from latchkey.storage.crypto.keyring_file import KeyringFile

NOW = 1_795_000_000.0
DATE = "2026-11-18T11:06:40Z"
ONE, TWO = Fernet.generate_key(), Fernet.generate_key()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keyring"


def write(path: Path, *lines: bytes | str) -> Path:
    path.write_bytes(b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines))
    path.chmod(0o600)
    return path


def test_new_keyring_notes_when_its_key_was_generated(path: Path) -> None:
    create_keyring(path, Keyring((Key(key_id(ONE), ONE),)), NOW)
    assert f"# {key_id(ONE)} made {DATE}\n".encode() + ONE in path.read_bytes()
    assert KeyringFile(path).entries == ((key_id(ONE), NOW, None),)


def test_age_of_keys_in_a_keyring_written_by_hand_is_unknown(path: Path) -> None:
    write(path, "# Anna's", ONE, TWO)
    assert KeyringFile(path).entries == ((key_id(ONE), None, None), (key_id(TWO), None, None))


def test_added_key_is_first_and_primary(path: Path) -> None:
    create_keyring(path, Keyring((Key(key_id(ONE), ONE),)), NOW)
    added = KeyringFile(path).add_key(NOW + 60)
    assert read_keyring(path).key_ids == (added, key_id(ONE))
    assert KeyringFile(path).entries == ((added, NOW + 60, None), (key_id(ONE), NOW, None))
    assert path.read_text().startswith(HEADER)


def test_keeps_comments_written_by_hand(path: Path) -> None:
    write(path, "# Anna's keys \t", "", "# the second one", ONE + b"\r", "", "# the first one ", TWO)
    before = path.read_bytes()
    added = KeyringFile(path).add_key(NOW)
    assert path.read_bytes().endswith(before)
    KeyringFile(path).mark_retired([key_id(TWO)], NOW)
    KeyringFile(path).drop(key_id(TWO))
    assert path.read_bytes().endswith(before.removesuffix(TWO + b"\n"))
    assert read_keyring(path).key_ids == (added, key_id(ONE))


def test_retired_key_stays_with_its_date(path: Path) -> None:
    write(path, TWO, f"# {key_id(ONE)} made {DATE}", ONE)
    KeyringFile(path).mark_retired([key_id(ONE)], NOW + 3600)
    assert KeyringFile(path).entries == ((key_id(TWO), None, None), (key_id(ONE), NOW, NOW + 3600))
    assert path.read_text().splitlines()[1] == f"# {key_id(ONE)} made {DATE} retired 2026-11-18T12:06:40Z"
    assert read_keyring(path).key_ids == (key_id(TWO), key_id(ONE))


def test_key_added_by_hand_can_be_retired(path: Path) -> None:
    write(path, TWO, ONE)
    KeyringFile(path).mark_retired([key_id(ONE)], NOW)
    assert KeyringFile(path).entries[1] == (key_id(ONE), None, NOW)


def test_note_applies_to_its_key_in_any_position(path: Path) -> None:
    write(path, f"# {key_id(ONE)} made {DATE}", TWO, ONE)
    assert KeyringFile(path).entries == ((key_id(TWO), None, None), (key_id(ONE), NOW, None))


@pytest.mark.parametrize(
    "note",
    [f"# {'0' * 16} made {DATE}", "# made", f"# {key_id(ONE)} made 2026-13-41T00:00:00Z"],
    ids=["of another key", "without a date", "with an impossible date"],
)
def test_other_comments_are_not_notes(path: Path, note: str) -> None:
    assert KeyringFile(write(path, note, ONE)).entries == ((key_id(ONE), None, None),)


def test_refuses_to_drop_the_primary_or_an_unknown_key(path: Path) -> None:
    before = write(path, TWO, ONE).read_bytes()
    for wrong in (key_id(TWO), "0" * 16):
        with pytest.raises(KeyringError, match=wrong):
            KeyringFile(path).drop(wrong)
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400])
def test_rewritten_file_keeps_mode_and_owner(path: Path, mode: int) -> None:
    write(path, ONE).chmod(mode)
    owner = (12345, 12346) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(path, *owner)
    before = os.umask(0o077)
    try:
        KeyringFile(path).add_key(NOW)
    finally:
        os.umask(before)
    status = path.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (mode, *owner)
    assert list(path.parent.iterdir()) == [path]


def test_symbolic_link_stays_and_its_target_is_replaced(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target = write(tmp_path / "elsewhere" / "keys", ONE)
    path.symlink_to(target)
    added = KeyringFile(path).add_key(NOW)
    assert path.is_symlink()
    assert read_keyring(target).key_ids == (added, key_id(ONE))


def test_refuses_to_overwrite_a_concurrent_change(path: Path) -> None:
    file = KeyringFile(write(path, ONE))
    write(path, TWO, ONE)
    with pytest.raises(KeyringError, match="changed by another process"):
        file.add_key(NOW)
    assert read_keyring(path).key_ids == (key_id(TWO), key_id(ONE))
    assert list(path.parent.iterdir()) == [path]


def test_leftovers_of_a_crash_are_ignored(path: Path) -> None:
    write(path, ONE)
    write(path.with_name("keyring.new"), TWO)
    added = KeyringFile(path).add_key(NOW)
    assert read_keyring(path).key_ids == (added, key_id(ONE))
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("call", ["fchmod", "fsync", "rename"])
def test_any_failure_leaves_the_old_keyring(path: Path, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = write(path, ONE).read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((Path, "rename", fail) if call == "rename" else (os, call, fail)))
    with pytest.raises(KeyringError, match="No space left"):
        KeyringFile(path).add_key(NOW)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_no_message_shows_a_key(path: Path) -> None:
    for wrong in (ONE.decode(), key_id(ONE)):
        with pytest.raises(KeyringError) as caught:
            KeyringFile(write(path, ONE)).drop(wrong) if wrong != ONE.decode() else KeyringFile(write(path, ONE[:-4]))
        assert ONE.decode()[:-4] not in str(caught.value) + caught.value.hint
