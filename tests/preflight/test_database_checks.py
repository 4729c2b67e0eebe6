"""The store is in a database: what is checked of it, and that files are not touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from latchkey.preflight import storage_checks
from latchkey.storage import open_store
from tests.preflight.conftest import Home
from tests.support.command_line import CREDENTIALS, SECRET_MARK, run

NAME = "postgresql://127.0.0.1/latchkey"


@pytest.fixture
def url() -> str:
    """The URL of a database that does not run; port 1 is reserved, and nothing listens there."""
    return f"postgresql://someone:{SECRET_MARK}-password@127.0.0.1:1/latchkey?connect_timeout=2"


def test_a_database_that_cannot_be_reached_is_named_without_its_password(home: Home, url: str) -> None:
    home.environ["LATCHKEY_STORAGE_URL"] = url
    [found] = home.findings()
    assert (found.code, found.refusal is None) == ("store-unavailable", False)
    assert found.message.startswith(f"cannot connect to {NAME}: ")
    assert SECRET_MARK not in found.message + found.fix
    assert not (home.folder / "data").exists()


@pytest.mark.parametrize(
    ("is_release", "fix"),
    [
        (None, 'pip install "latchkey[postgresql]"'),
        (False, "/latchkey config check"),
        (True, "run latchkey install-service"),
    ],
)
def test_a_missing_client_is_named_with_the_command_that_installs_it(
    home: Home, url: str, is_release: bool | None, fix: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(storage_checks, "DRIVER", ("no_such_client",))
    assert home.findings() == [], "it is not needed for a file"
    home.environ["LATCHKEY_STORAGE_URL"] = url
    if is_release:
        (tmp_path / ".complete").touch()
    context = home.context(checkout=None if is_release is None else tmp_path)
    [found] = list(storage_checks.check_storage(context))
    assert found.code == "driver-missing"
    assert found.message == f"the store is in {NAME}, and not installed: no_such_client"
    assert fix in found.fix


@pytest.mark.parametrize("command", [["keys", "status"], ["installs", "list"], ["serve"]])
def test_commands_name_the_database_and_never_its_password(tmp_path: Path, url: str, command: list[str]) -> None:
    (tmp_path / "started_app.py").write_text("def register(app): pass\n")
    environ = {"LATCHKEY_LISTENERS_MODULES": "started_app", "LATCHKEY_SERVER_LISTEN": "127.0.0.1:0"}
    environ |= {"LATCHKEY_SERVER_PUBLIC_URL": "http://localhost", "LATCHKEY_METRICS_LISTEN": ""}
    done = run(tmp_path, *command, **CREDENTIALS, **environ, LATCHKEY_STORAGE_URL=url)
    assert (done.returncode, done.stdout) == (1, "")
    assert NAME in done.stderr
    assert "hint: " in done.stderr
    assert SECRET_MARK not in done.stderr
    assert not list(tmp_path.glob("data")) + list(tmp_path.glob("backups"))


def test_the_doctor_checks_no_files_of_the_store(tmp_path: Path, url: str) -> None:
    store = tmp_path / "data" / "store.sqlite"
    open_store(store, tmp_path / "keys" / "keyring").close()  # of the time before the database
    store.chmod(0o666)
    done = run(tmp_path, "doctor", "--offline", **CREDENTIALS, LATCHKEY_STORAGE_URL=url)
    assert "store-unavailable: cannot connect to" in done.stdout
    assert "store.sqlite" not in done.stdout
    assert SECRET_MARK not in done.stdout + done.stderr
