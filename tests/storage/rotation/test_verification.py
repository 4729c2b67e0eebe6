"""A store some of whose records need a lost key serves the others, and says so."""

import logging
import os
import resource
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from slack_sdk.oauth.installation_store import Bot

from latchkey.storage import Store, open_store
from latchkey.storage.crypto.keyring import key_id, read_keyring
from latchkey.storage.rotation import verification
from tests.support.waiting import until_blocking

ROOT = Path(__file__).resolve().parent.parent.parent.parent
Paths = tuple[Path, Path]


def save_bot(store: Store, team_id: str) -> None:
    store.installations.save_bot(Bot(team_id=team_id, bot_token="x", bot_id="B", bot_user_id="U", installed_at=1.0))


@pytest.fixture
def lost(paths: Paths) -> bytes:
    """A key that encrypted one bot and is no longer in the keyring; the other records have another key."""
    lost, kept = Fernet.generate_key(), Fernet.generate_key()
    open_store(*paths).close()
    first = read_keyring(paths[1]).primary_key.reveal()
    for sealing, team_id in ((lost, "T1"), (kept, "T2")):
        paths[1].write_bytes(sealing + b"\n" + first)
        with closing(open_store(*paths)) as store:
            save_bot(store, team_id)
    return lost


def test_store_with_all_keys_is_ready(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    save_bot(store, "T1")
    caplog.clear()
    assert store.ready()
    assert not caplog.records


def test_lost_key_makes_the_store_degraded_and_is_logged_once(
    paths: Paths, lost: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """The format record opens, so that opening the store has shown nothing yet."""
    with closing(open_store(*paths)) as store:
        caplog.clear()
        for _ in range(3):
            assert not store.ready()
        assert store.installations.find_bot(enterprise_id=None, team_id="T2") is not None
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert key_id(lost) in record.message
    for known in read_keyring(paths[1]).key_ids:
        assert known in record.message
    assert lost.decode() not in record.message


def test_store_is_ready_again_once_the_key_is_restored_or_its_records_are_deleted(
    paths: Paths, lost: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "SURVEY_INTERVAL", 0.0)
    with closing(open_store(*paths)) as store:
        assert not store.ready()
        without = paths[1].read_bytes()
        paths[1].write_bytes(without + b"\n" + lost)
        until_blocking(store.ready)
        paths[1].write_bytes(without)
        until_blocking(lambda: not store.ready())
        store.installations.delete_all(enterprise_id=None, team_id="T1")
        until_blocking(store.ready)


def test_survey_ends_when_the_store_is_closed(paths: Paths, lost: bytes) -> None:
    store = open_store(*paths)
    store._survey.close()
    assert store._survey.missing() == set()
    store.close()


def test_core_dumps_are_disabled() -> None:
    get_dumpable = 3  # prctl(2)
    code = (
        "import ctypes, resource; from latchkey import storage; storage.forbid_core_dumps();"
        f"print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl({get_dumpable}))"
    )
    before = resource.getrlimit(resource.RLIMIT_CORE)[1]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (before, before)),
    )
    assert done.stdout == "(0, 0) 0\n"
