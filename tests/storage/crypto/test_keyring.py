"""The keyring file: what it may hold, who may read it, and what is said when it is wrong."""

import base64
import codecs
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from latchkey.errors import KeyringError
from latchkey.storage.crypto.keyring import Keyring, create_keyring, generate_key, key_id, read_keyring
from latchkey.storage.crypto.keyring_file import KeyringFile

GOOD = Fernet.generate_key()


def write(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_first_key_is_primary_and_comments_and_blank_lines_are_skipped(tmp_path: Path) -> None:
    second = Fernet.generate_key()
    keyring = read_keyring(write(tmp_path / "keyring", b"# ours\n\n  " + GOOD + b" \r\n# older\n" + second + b"\n"))
    assert [key.reveal() for key in keyring.keys] == [GOOD, second]
    assert keyring.primary_key.reveal() == GOOD


@pytest.mark.parametrize("first_line", [b"", b"# a comment\r\n"])
def test_byte_order_mark_is_skipped_and_removed_when_the_file_is_rewritten(tmp_path: Path, first_line: bytes) -> None:
    path = write(tmp_path / "keyring", codecs.BOM_UTF8 + first_line + GOOD + b"\r\n")
    assert read_keyring(path).primary_key.reveal() == GOOD
    added = KeyringFile(path).add_key(0.0)
    assert read_keyring(path).key_ids == (added, key_id(GOOD))
    assert codecs.BOM_UTF8 not in path.read_bytes()


def test_new_keyring_is_private_and_contains_one_valid_key(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "keyring"
    created = Keyring((generate_key(),))
    before = os.umask(0)
    try:
        create_keyring(path, created, 1_795_000_000.0)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert read_keyring(path) == created
    Fernet(created.primary_key.reveal())


def test_a_keyring_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "keyring"
    create_keyring(path, Keyring((generate_key(),)), 0.0)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        create_keyring(path, Keyring((generate_key(),)), 0.0)
    assert path.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == [path]


def test_key_has_the_same_id_in_any_position_and_is_never_shown(tmp_path: Path) -> None:
    other = Fernet.generate_key()
    first = read_keyring(write(tmp_path / "one", GOOD + b"\n" + other))
    second = read_keyring(write(tmp_path / "two", other + b"\n" + GOOD))
    assert first.key_ids == second.key_ids[::-1]
    assert GOOD.decode() not in repr(first) + str(first.keys[0]) + first.keys[0].key_id


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "contains no key"),
        (b"# only a comment\n", "contains no key"),
        (b"# one\n" + GOOD[:-4] + b"\n", "line 2: not a Fernet key"),
        (GOOD + b"AAAA\n", "line 1: not a Fernet key"),
        (b"not base64 at all!\n", "line 1: not a Fernet key"),
        (GOOD + b"\n" + GOOD + b"\n", "line 2: this key is in the file twice"),
        (GOOD + b"\n" + base64.urlsafe_b64encode(b"x" * 16) + b"\n", "line 2: not a Fernet key"),
        ("ключ\n".encode(), "line 1: not a Fernet key"),
        (b"\0" * 44, "line 1: not a Fernet key"),
        (b"#" * (1 << 17), "larger than"),
        (base64.urlsafe_b64encode(bytes(32)), "line 1: this key is not random"),
        (base64.urlsafe_b64encode(b"\xff" * 32), "line 1: this key is not random"),
        (GOOD + b"\n" + base64.urlsafe_b64encode(b"secret00" * 4), "line 2: this key is not random"),
        (GOOD.decode().encode("utf-16"), "UTF-16"),
        (b"'" + GOOD + b"'\n", "line 1: not a Fernet key"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refuses_a_bad_keyring_by_line_number_without_showing_it(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(KeyringError) as caught:
        read_keyring(write(tmp_path / "keyring", content))
    assert said in str(caught.value)
    for secret in (GOOD.decode(), "not base64 at all", "ключ"):
        assert secret not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o660, 0o601])
def test_refuses_a_keyring_that_others_can_access(tmp_path: Path, mode: int) -> None:
    with pytest.raises(KeyringError, match=f"{mode:04o}"):
        read_keyring(write(tmp_path / "keyring", GOOD, mode))


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_servers_group_may_read_the_keyring(tmp_path: Path, mode: int) -> None:
    assert len(read_keyring(write(tmp_path / "keyring", GOOD, mode)).keys) == 1


def test_refuses_a_missing_keyring_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="No such file"):
        read_keyring(tmp_path / "absent")
    with pytest.raises(KeyringError, match="not a regular file"):
        read_keyring(tmp_path)


def test_refuses_a_named_pipe_instead_of_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "keyring", 0o600)
    script = "import sys, pathlib, latchkey.storage as storage; storage.read_keyring(pathlib.Path(sys.argv[1]))"
    command = [sys.executable, "-c", script, str(tmp_path / "keyring")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert "not a regular file" in done.stderr


def test_two_spellings_of_a_key_are_the_same_key(tmp_path: Path) -> None:
    """The last base64 character before `=` has spare bits; a key must not get a second id by them."""
    raw = base64.urlsafe_b64decode(GOOD)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    position = alphabet.index(chr(GOOD[-2]))
    respelled = GOOD[:-2] + alphabet[position | 1].encode() + b"="
    assert base64.urlsafe_b64decode(respelled) == raw
    with pytest.raises(KeyringError, match="twice"):
        read_keyring(write(tmp_path / "keyring", GOOD + b"\n" + respelled))
