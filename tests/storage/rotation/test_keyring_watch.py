"""A running process uses the keys that its keyring holds, and never drops its primary key."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from slack_sdk.oauth.installation_store import Bot

from latchkey.errors import KeyringError, UnreadableRecord
from latchkey.storage import Store, open_store
from latchkey.storage.crypto import Keyring, KeyringFile, Sealer, read_keyring
from latchkey.storage.engine import FilePresence, open_processes
from latchkey.storage.rotation import KeyringWatch, keyring_watch
from tests.support.waiting import until_blocking

Paths = tuple[Path, Path]


@pytest.fixture
def sealer(paths: Paths) -> Sealer:
    """A sealer with the keys of a new store."""
    open_store(*paths).close()
    return Sealer(read_keyring(paths[1]))


@pytest.fixture
def watch(paths: Paths, sealer: Sealer) -> Iterator[KeyringWatch]:
    """A watch without a thread: only the test calls `check`."""
    with closing(FilePresence(paths[0])) as presence:
        presence.publish(sealer.keyring.key_ids)
        with closing(KeyringWatch(KeyringFile(paths[1]), sealer, presence)) as watch:
            yield watch


def save_bot(store: Store, team_id: str) -> None:
    store.installations.save_bot(
        Bot(team_id=team_id, bot_token=f"token-{team_id}", bot_id="B", bot_user_id="U", installed_at=1.0)
    )


def published(paths: Paths) -> tuple[str, ...] | None:
    [process] = open_processes(paths[0])
    assert process.pid == os.getpid()
    return process.key_ids


def test_store_uses_and_publishes_a_new_key_by_itself(paths: Paths) -> None:
    with closing(open_store(*paths)) as store:
        added = KeyringFile(paths[1]).add_key(time.time())
        until_blocking(lambda: published(paths) == read_keyring(paths[1]).key_ids)
        save_bot(store, "T1")
        assert store.keys.use()["bots"] == {added: 1}
    until_blocking(lambda: "keyring-watch" not in [thread.name for thread in threading.enumerate()])


def test_reads_a_record_under_a_key_that_was_just_added(paths: Paths, watch: KeyringWatch, sealer: Sealer) -> None:
    """Another process may notice the new key earlier and encrypt with it."""
    KeyringFile(paths[1]).add_key(time.time())
    sealed = Sealer(read_keyring(paths[1])).seal("bots", "T1", "value")
    assert sealer.open("bots", "T1", sealed) == "value"
    assert published(paths) == read_keyring(paths[1]).key_ids


@pytest.mark.usefixtures("watch")
def test_reads_the_keyring_only_once_for_many_records_under_a_lost_key(
    paths: Paths, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = Fernet.generate_key()
    content = paths[1].read_bytes()
    paths[1].write_bytes(lost + b"\n")
    sealed = Sealer(read_keyring(paths[1])).seal("bots", "T1", "value")
    paths[1].write_bytes(content)
    reads: list[Path] = []

    def count(path: Path) -> KeyringFile:
        reads.append(path)
        return KeyringFile(path)

    monkeypatch.setattr(keyring_watch, "KeyringFile", count)
    for _ in range(10):
        with pytest.raises(UnreadableRecord, match="its key is not in the keyring"):
            sealer.open("bots", "T1", sealed)
    assert len(reads) == 1
    paths[1].write_bytes(content + b"\n" + lost)
    assert sealer.open("bots", "T1", sealed) == "value"


@pytest.mark.usefixtures("watch")
def test_does_not_read_an_unchanged_keyring(paths: Paths, watch: KeyringWatch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring_watch, "KeyringFile", lambda _path: pytest.fail("the keyring was read"))
    watch.check()
    watch.check(retry=True)
    monkeypatch.undo()
    KeyringFile(paths[1]).add_key(time.time())
    watch.check()
    assert published(paths) == read_keyring(paths[1]).key_ids


def unreadable(path: Path) -> None:
    path.unlink()


def malformed(path: Path) -> None:
    path.write_bytes(b"sentinel\n")


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def open_to_others(path: Path) -> None:
    path.chmod(0o644)


def foreign(path: Path) -> None:
    path.write_bytes(Fernet.generate_key())


@pytest.mark.parametrize("spoil", [unreadable, malformed, emptied, open_to_others, foreign])
def test_logs_a_bad_keyring_once_and_keeps_the_keys_in_memory(
    paths: Paths,
    watch: KeyringWatch,
    sealer: Sealer,
    spoil: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    before, content = read_keyring(paths[1]), paths[1].read_bytes()
    caplog.clear()
    spoil(paths[1])
    for _ in range(3):
        watch.check(retry=True)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert "stay in use" in record.message
    assert "sentinel" not in record.message
    assert sealer.keyring == before
    assert published(paths) == before.key_ids
    paths[1].write_bytes(content)
    paths[1].chmod(0o600)
    KeyringFile(paths[1]).add_key(time.time())
    watch.check()
    assert sealer.keyring == read_keyring(paths[1])
    assert published(paths) == read_keyring(paths[1]).key_ids


def test_retries_an_unchanged_keyring_that_could_not_be_read(
    paths: Paths, watch: KeyringWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = KeyringFile(paths[1]).add_key(time.time())
    real = os.open

    def no_descriptors(path: object, *rest: int, **named: int) -> int:
        if str(path) == str(paths[1]):
            raise OSError(24, "Too many open files")
        return real(path, *rest, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", no_descriptors)
        watch.check()
    watch.check()
    assert added not in (published(paths) or ())
    watch.check(retry=True)
    assert published(paths) == (added, *read_keyring(paths[1]).key_ids[1:])


def test_stops_decrypting_with_a_dropped_key(paths: Paths, watch: KeyringWatch, sealer: Sealer) -> None:
    old = read_keyring(paths[1]).primary_key.key_id
    sealed = sealer.seal("bots", "T1", "value")
    KeyringFile(paths[1]).add_key(time.time())
    watch.check()
    KeyringFile(paths[1]).drop(old)
    watch.check()
    with pytest.raises(UnreadableRecord, match=old):
        sealer.open("bots", "T1", sealed)


def test_refuses_a_file_that_lacks_the_primary_key(paths: Paths, watch: KeyringWatch, sealer: Sealer) -> None:
    before = sealer.keyring
    foreign(paths[1])
    with pytest.raises(KeyringError, match=before.primary_key.key_id):
        watch.use(KeyringFile(paths[1]))
    assert sealer.keyring == before


@contextmanager
def switching_often() -> Iterator[None]:
    """Let threads interrupt each other between almost any two instructions."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def test_concurrent_calls_see_a_change_of_keys_as_a_whole(paths: Paths, sealer: Sealer) -> None:
    KeyringFile(paths[1]).add_key(time.time())
    keyring = read_keyring(paths[1])
    orders = keyring, Keyring(keyring.keys[::-1])
    failed: list[Exception] = []
    stop = threading.Event()

    def write_and_read() -> None:
        try:
            while not stop.is_set():
                assert sealer.open("bots", "T1", sealer.seal("bots", "T1", 1)) == 1
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=write_and_read) for _ in range(3)]
    with switching_often():
        for thread in threads:
            thread.start()
        for number in range(500):
            sealer.use(orders[number % 2])
            time.sleep(0)  # lets another thread run
        stop.set()
        for thread in threads:
            thread.join()
    assert not failed
