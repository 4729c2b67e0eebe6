"""The checks before a start: addresses in use, folders that cannot be written to, and what the server does."""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from latchkey.dispatch import App
from latchkey.errors import LatchkeyError
from latchkey.preflight import refuse_start, run_config_checks, run_start_checks
from latchkey.storage import open_store
from tests.preflight.conftest import Home
from tests.support.stores import other_process

NOBODY = 65534
"""A user id that owns nothing."""


def test_a_correct_configuration_has_no_findings_and_nothing_is_created(home: Home) -> None:
    before = sorted(home.folder.rglob("*"))
    assert home.findings() == []
    assert [path for path in sorted(home.folder.rglob("*")) if "__pycache__" not in path.parts] == before


@contextmanager
def listener() -> Iterator[str]:
    """Another program that listens; yields its address."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield f"127.0.0.1:{other.getsockname()[1]}"


@pytest.mark.parametrize("section", ["server", "metrics"])
@pytest.mark.parametrize("beside_server", [True, False])
def test_names_a_port_that_another_program_uses(home: Home, section: str, beside_server: bool) -> None:
    with listener() as address:
        home.listen(section, address)
        [found] = home.findings(beside_server=beside_server)
    assert (found.code, found.message) == ("address-unusable", f"cannot listen on {address}: Address already in use")


def test_names_a_unix_socket_that_another_program_uses(home: Home) -> None:
    path = home.folder / "latchkey.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        home.listen("server", f"unix:{path}")
        [found] = home.findings()
        assert found.message == f"cannot listen on unix:{path}: Address already in use"
    assert home.findings() == [], "the file that a dead server has left is removed at the start"


def test_a_port_of_the_running_server_is_no_error_beside_it(home: Home) -> None:
    with (
        listener() as address,
        other_process((home.folder / "data" / "store.sqlite", home.folder / "keyring")) as server,
    ):
        home.environ["LATCHKEY_STORAGE_KEYRING"] = "keyring"
        home.listen("server", address)
        [found] = home.findings(beside_server=True)
        assert (found.code, found.refusal) == ("address-in-use", None)
        assert found.message == f"{address} is in use by the running server (pid {server.pid})"
        [found] = home.findings()
        assert found.code == "address-unusable", "a second server cannot start"


def test_an_inherited_socket_is_not_bound(home: Home) -> None:
    with listener() as address:
        home.listen("server", address)
        assert home.findings(has_socket=True) == []


def test_a_missing_store_is_no_mistake_if_a_new_one_was_asked_for(home: Home) -> None:
    home.create_store()
    (home.folder / "data" / "store.sqlite").unlink()
    assert home.findings(new_store=True) == []


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("LATCHKEY_STORAGE_PATH", "store-missing"),
        ("LATCHKEY_STORAGE_KEYRING", "store-missing"),
        ("LATCHKEY_BACKUP_PATH", "backups-unwritable"),
    ],
)
def test_names_a_folder_that_the_user_cannot_write_to(home: Home, public_folder: Path, setting: str, code: str) -> None:
    locked = public_folder / "locked"
    locked.mkdir()
    home.environ |= dict.fromkeys(("LATCHKEY_STORAGE_PATH", "LATCHKEY_BACKUP_PATH"), str(public_folder / "new" / "x"))
    home.environ["LATCHKEY_STORAGE_KEYRING"] = str(public_folder / "keys" / "x")
    home.environ[setting] = str(locked / "below" / "it")
    context = home.context()
    assert isinstance(context.app, App)  # loaded while its folder can be read
    with unprivileged(public_folder, locked):
        [found] = run_config_checks(context)
    assert found.code == code
    assert f"this user cannot write to {locked}" in found.message


@contextmanager
def unprivileged(own: Path, locked: Path) -> Iterator[None]:
    """Run as a user who may write to the folder `own` and not to `locked` in it."""
    locked.chmod(0o555)
    if os.geteuid() != 0:
        yield
        return
    os.chown(own, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_config_check_also_opens_an_existing_store(home: Home) -> None:
    home.create_store()
    assert home.findings() == []
    other = home.folder / "other"
    open_store(other / "store.sqlite", other / "keyring").close()
    shutil.copy2(other / "keyring", home.folder / "keys" / "keyring")
    [found] = home.findings()
    assert found.code == "keys-missing"


def test_the_start_does_not_look_for_backups_which_systemd_hides_from_it(home: Home) -> None:
    (home.folder / "backups").touch()
    assert [item.code for item in home.findings()] == ["backups-unwritable"]
    assert run_start_checks(home.context()) == []


def test_all_reasons_are_raised_together(home: Home) -> None:
    home.environ["LATCHKEY_LISTENERS_MODULES"] = "no_such_module"
    home.listen("metrics", home.environ["LATCHKEY_SERVER_LISTEN"])
    del home.environ["SLACK_CLIENT_SECRET"]
    with pytest.raises(LatchkeyError) as caught:
        refuse_start(home.findings())
    assert len(caught.value.parts) == 3
    assert caught.value.exit_code == 78


@pytest.mark.parametrize("name", ["PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"])
def test_metrics_of_several_processes_are_refused(home: Home, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """prometheus_client would write them to files, and fail if the folder does not exist."""
    monkeypatch.setenv(name, "")
    (found,) = home.findings()
    assert (found.code, found.where) == ("multiprocess-metrics", name)
    assert found.refusal is not None
