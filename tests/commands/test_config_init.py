"""`latchkey config init`: a folder with which `serve`, `manifest` and `doctor` work."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command_line import ROOT, run

PUBLIC = {"LATCHKEY_SERVER_PUBLIC_URL": "https://slack.example.com"}


def test_writes_the_shipped_configuration_and_a_first_listener_module(tmp_path: Path) -> None:
    done = run(tmp_path, "config", "init", "app")
    assert done.returncode == 0
    written = [tmp_path / "app" / "config.toml", tmp_path / "app" / "listeners" / "__init__.py"]
    assert done.stdout.splitlines() == [f"wrote {path}" for path in written]
    assert "latchkey serve" in done.stderr
    assert written[0].read_text() == (ROOT / "config.toml").read_text()
    assert written[0].stat().st_mode & 0o022 == 0


def test_first_listener_module_is_served_and_is_in_the_manifest(tmp_path: Path) -> None:
    assert run(tmp_path, "config", "init").returncode == 0
    done = run(tmp_path, "manifest", **PUBLIC)
    assert done.returncode == 0, done.stderr
    features = json.loads(done.stdout)["features"]
    assert [command["command"] for command in features["slash_commands"]] == ["/hello"]


@pytest.mark.parametrize("existing", ["config.toml", "listeners/__init__.py"])
def test_never_overwrites_a_file(tmp_path: Path, existing: str) -> None:
    path = tmp_path / existing
    path.parent.mkdir(exist_ok=True)
    path.write_text("# mine\n")
    done = run(tmp_path, "config", "init")
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == f"latchkey: {path} already exists; nothing was written"
    assert path.read_text() == "# mine\n"
    assert [found for found in tmp_path.rglob("*") if found.is_file()] == [path]


def test_refuses_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run(tmp_path, "config", "init", "file")
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == f"latchkey: {tmp_path / 'file'} is not a folder; nothing was written"


def test_reports_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run(tmp_path, "config", "init", "file/app")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_serve_without_configuration_and_listeners_names_config_init(
    tmp_path: Path, unused_addresses: dict[str, str]
) -> None:
    """From an installed package: a checkout would offer its own `listeners`."""
    script = (
        "import sys, latchkey.server; sys.modules['latchkey.server.startup'].find_checkout = lambda: None;"
        "from latchkey.cli import main; sys.exit(main(['serve']))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script],
        cwd=tmp_path,
        env=unused_addresses,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 78
    *_, last, hint = done.stderr.splitlines()
    assert last == f"latchkey: {tmp_path}: has neither a config.toml nor a listener module"
    assert "latchkey config init" in hint
    assert not list(tmp_path.iterdir())
