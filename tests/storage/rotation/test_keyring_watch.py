"""A process takes up the keyring's keys while it runs, and none that would make it forget what it seals with."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from slack_sdk.oauth.installation_store import Bot

from latchkey.errors import UnreadableRecord
from latchkey.storage import Store, open_store
from latchkey.storage.crypto.keyring import key_id, read_keyring
from latchkey.storage.crypto.keyring_file import KeyringFile
from latchkey.storage.engine.processes import openers
from latchkey.storage.rotation import keyring_watch

Paths = tuple[Path, Path]


@pytest.fixture
def store(paths: Paths) -> Iterator[Store]:
    """A store whose thread looks at its keyring at the start alone, so that it is the test that makes it look."""
    store = open_store(*paths)
    store._watch._closed.wait(0.05)
    yield store
    store.close()


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring_watch, "LOOK_SECONDS", 3600.0)
    monkeypatch.setitem(keyring_watch.KeyringWatch.__init__.__kwdefaults__, "seconds", 3600.0)


def save_bot(store: Store, team_id: str) -> None:
    store.installations.save_bot(
        Bot(team_id=team_id, bot_token=f"token-{team_id}", bot_id="B", bot_user_id="U", installed_at=1.0)
    )


def bot_token(store: Store, team_id: str) -> str | None:
    bot = store.installations.find_bot(enterprise_id=None, team_id=team_id)
    return bot.bot_token if bot else None


def soon(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + 5
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_new_key_is_taken_up_by_itself_and_told(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(keyring_watch.KeyringWatch.__init__.__kwdefaults__, "seconds", 0.02)
    store = open_store(*paths)
    added = KeyringFile(paths[1]).add_key(time.time())
    soon(lambda: openers(paths[0]) == [(os.getpid(), read_keyring(paths[1]).key_ids)])
    save_bot(store, "T1")
    assert store.keys.use()["bots"] == {added: 1}
    store.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "keyring-watch" and thread.is_alive()]


def test_a_record_under_a_key_that_came_just_now_opens_at_once(paths: Paths, store: Store) -> None:
    """Another process may have looked at the keyring sooner, and sealed with the new key."""
    KeyringFile(paths[1]).add_key(time.time())
    other = open_store(*paths)
    save_bot(other, "T1")
    other.close()
    assert bot_token(store, "T1") == "token-T1"
    assert openers(paths[0]) == [(os.getpid(), read_keyring(paths[1]).key_ids)]


def test_a_record_under_a_lost_key_does_not_read_the_keyring_each_time(
    paths: Paths, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_bot(store, "T1")
    kept, lost = Fernet.generate_key(), read_keyring(paths[1]).sealing_key
    paths[1].write_bytes(kept + b"\n" + lost.reveal())
    store._watch.look()
    paths[1].write_bytes(kept)
    reads = []
    real = keyring_watch.read_keyring
    monkeypatch.setattr(keyring_watch, "read_keyring", lambda path: reads.append(path) or real(path))
    store._watch.look()
    for _ in range(10):
        with pytest.raises(UnreadableRecord, match=lost.key_id):
            bot_token(store, "T1")
    assert len(reads) == 1
    paths[1].write_bytes(kept + b"\n" + lost.reveal())
    assert bot_token(store, "T1") == "token-T1"


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
def test_a_keyring_that_goes_wrong_is_told_once_and_the_old_keys_stay_in_use(
    paths: Paths, store: Store, spoil: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    before, content = read_keyring(paths[1]), paths[1].read_bytes()
    caplog.clear()
    spoil(paths[1])
    for _ in range(3):
        store._watch._look(again=True)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert "stay in use" in record.message
    assert "sentinel" not in record.message
    save_bot(store, "T1")
    assert store.keys.use()["bots"] == {before.sealing_key.key_id: 1}
    assert openers(paths[0]) == [(os.getpid(), before.key_ids)]
    paths[1].write_bytes(content)
    paths[1].chmod(0o600)
    KeyringFile(paths[1]).add_key(time.time())
    store._watch.look()
    assert openers(paths[0]) == [(os.getpid(), read_keyring(paths[1]).key_ids)]


def test_a_keyring_that_could_not_be_read_for_a_while_is_read_again_though_it_did_not_change(
    paths: Paths, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = KeyringFile(paths[1]).add_key(time.time())
    real = os.open

    def no_descriptors(path: object, *rest: int, **named: int) -> int:
        if str(path) == str(paths[1]):
            raise OSError(24, "Too many open files")
        return real(path, *rest, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", no_descriptors)
        store._watch._look(again=True)
    store._watch._look(again=True)
    [opener] = openers(paths[0])
    assert opener.key_ids == (added, *read_keyring(paths[1]).key_ids[1:])


def test_a_dropped_key_is_forgotten(paths: Paths, store: Store) -> None:
    old = read_keyring(paths[1]).sealing_key.key_id
    save_bot(store, "T1")
    KeyringFile(paths[1]).add_key(time.time())
    store._watch.look()
    KeyringFile(paths[1]).drop(old)
    store._watch.look()
    store.installations._cache.forget(("", "T1"))  # type: ignore[arg-type]
    with pytest.raises(UnreadableRecord, match=old):
        bot_token(store, "T1")


def test_no_call_sees_half_of_a_change(paths: Paths, store: Store) -> None:
    """Sealing and opening go on in other threads while keys come and go."""
    failed: list[Exception] = []
    stop = threading.Event()

    def write_and_read() -> None:
        try:
            while not stop.is_set():
                sealer = store._records._sealer
                assert sealer.open("bots", "/T1", sealer.seal("bots", "/T1", 1)) == 1
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=write_and_read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(30):
        KeyringFile(paths[1]).add_key(time.time())
        store._watch.look()
    stop.set()
    for thread in threads:
        thread.join()
    assert not failed
    assert key_id(read_keyring(paths[1]).sealing_key.reveal()) == openers(paths[0])[0].key_ids[0]  # type: ignore[index]
