"""`latchkey installs import` on the command line."""

import json
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.oauth.installation_store import Installation

from latchkey.storage import Store
from tests.storage.installations.moving.other_stores import CLIENT_ID, STORES, file_store, sqlite3_store
from tests.support.command_line import on_a_terminal, run
from tests.support.stores import FOREIGN, SENTINELS, foreign_store, give_all_to, installation, owners


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.mkdir()
    return path


def run_import(folder: Path, location: str, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = run(folder, "installs", "import", location, "--yes", "--json", *arguments)
    assert done.returncode == code, done.stderr
    assert not [word for word in SENTINELS if word in done.stdout + done.stderr]
    return json.loads(done.stdout)


def imported(**counts: int) -> dict[str, int]:
    return {
        "new": 0,
        "updated": 0,
        "unchanged": 0,
        "newer_here": 0,
        "unreadable": 0,
        "not_allowed": 0,
        "damaged": 0,
        **counts,
    }


def counts(result: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in result.items() if isinstance(count, int) and name != "dry_run"}


def found(store: Store, team_id: str | None, enterprise_id: str | None = None, **values: Any) -> Installation:
    result = store.installations.find_installation(enterprise_id=enterprise_id, team_id=team_id, **values)
    assert result is not None
    return result


def test_damaged_parts_are_named_and_the_rest_is_imported(tmp_path: Path, source: Path, store: Store) -> None:
    location = file_store(source, [installation("T1"), installation("T2"), installation("T3")])
    base = Path(location) / CLIENT_ID
    (base / "none-T1" / "bot-latest").write_text('{"bot_token": "xoxb-sentinel-torn')
    (base / "none-T2" / "installer-U1-latest").write_text(
        json.dumps({"user_token": ["xoxp-sentinel"], "team_id": "T2"})
    )
    result = run_import(tmp_path, location, code=1)
    assert counts(result) == imported(new=3, damaged=2)
    assert {Path(part["where"]).name: part["reason"] for part in result["first_damaged"]} == {
        "bot-latest": "not a JSON object",
        "installer-U1-latest": "user_token is not text",
    }
    assert found(store, "T1").bot_token == "xoxb-sentinel-T1"


@pytest.mark.parametrize("dry_run", [True, False])
def test_workspaces_that_the_configuration_does_not_list_are_skipped(
    tmp_path: Path, source: Path, store: Store, dry_run: bool
) -> None:
    org = {"enterprise_id": "E0FOREST"}
    installed = [
        installation("T1"), installation("T2"), installation("T3", **org),
        installation(None, is_enterprise_install=True, **org), installation(None, enterprise_id="E9", is_enterprise_install=True),
    ]  # fmt: skip
    location = file_store(source, installed)
    (tmp_path / "config.toml").write_text('[install]\nworkspaces = ["T1", "E0FOREST"]\n')
    result = run_import(tmp_path, location, *(["--dry-run"] if dry_run else []))
    assert counts(result) == imported(new=3, not_allowed=2)
    kept = [] if dry_run else [("", "T1"), ("E0FOREST", ""), ("E0FOREST", "T3")]
    assert sorted((each.enterprise_id or "", each.team_id or "") for each in store.workspaces.all()) == kept


def test_only_the_installations_of_the_configured_app_are_imported(tmp_path: Path, source: Path, store: Store) -> None:
    location = sqlite3_store(source, [installation("T1")])
    with closing(sqlite3.connect(location)) as other, other:
        for table in ("slack_installations", "slack_bots"):
            columns = ", ".join(row[1] for row in other.execute(f"PRAGMA table_info({table})") if row[1] != "id")
            values = columns.replace("client_id", "'9.9'").replace("team_id", "'T9'")
            other.execute(f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table}")
    done = run(tmp_path, "installs", "import", location, "--yes")
    assert done.returncode == 1
    assert f"of several apps: {CLIENT_ID}, 9.9" in done.stderr
    done = run(tmp_path, "installs", "import", location, "--yes", SLACK_CLIENT_ID="7.7")
    assert "not of the app 7.7" in done.stderr
    assert run(tmp_path, "installs", "import", location, "--yes", SLACK_CLIENT_ID=CLIENT_ID).returncode == 0
    assert [workspace.team_id for workspace in store.workspaces.all()] == ["T1"]
    assert counts(run_import(tmp_path, location, "--client-id", "9.9")) == imported(new=1)


def test_asks_whether_the_old_app_is_stopped(tmp_path: Path, source: Path, store: Store) -> None:
    location = file_store(source, [installation("T1")])
    done = run(tmp_path, "installs", "import", location)
    assert done.returncode == 3
    assert "stop the app that uses it first: each refresh token works only once" in done.stderr
    code, shown = on_a_terminal(tmp_path, "installs", "import", location, typed="n\n")
    assert (code, list(store.workspaces.all())) == (3, [])
    code, shown = on_a_terminal(tmp_path, "installs", "import", location, typed="y\n")
    assert code == 0, shown


@pytest.mark.parametrize(("kind", "command"), [("file", "find "), ("sqlite3", "shred -u "), ("bolt-js", "find ")])
def test_says_how_to_destroy_what_is_left_and_that_works(
    tmp_path: Path, source: Path, store: Store, kind: str, command: str
) -> None:
    location = STORES[kind](source, [installation("T1"), installation("T2", enterprise_id="E1")])
    done = run(tmp_path, "installs", "import", location, "--yes")
    lines = [line.strip() for line in done.stderr.splitlines() if line.startswith("    ")]
    assert all(line.startswith(command) for line in lines)
    for line in lines:
        subprocess.run(line, shell=True, check=True)
    assert not list(source.rglob("*"))


OLD_APP = (54321, 54321)
"""The user of the old app, who owns nothing else on this machine."""


@pytest.mark.root
@pytest.mark.parametrize("kind", ["file", "sqlite3", "bolt-js"])
def test_root_imports_what_only_the_old_apps_user_can_read(public_folder: Path, kind: str) -> None:
    """Neither the server's user nor the old app's user could run the command."""
    store, keyring = foreign_store(public_folder, "T0")
    source = public_folder / "old-app"
    source.mkdir(mode=0o700)
    location = STORES[kind](source, [installation("T1"), installation("T2", enterprise_id="E1")])
    give_all_to(source, *OLD_APP)
    assert counts(run_import(public_folder, location)) == imported(new=2)
    assert owners(source) == {OLD_APP}
    assert owners(store.parent) == owners(keyring.parent) == {FOREIGN}


@pytest.mark.root
def test_root_exports_into_a_folder_as_its_owner(public_folder: Path) -> None:
    foreign_store(public_folder, "T0")
    for name in ("out", "key"):
        (public_folder / name).mkdir()
        os.chown(public_folder / name, *OLD_APP)
    done = run(public_folder, "installs", "export", "--to", "out/export", "--key-file", "key/key")
    assert done.returncode == 0, done.stderr
    assert owners(public_folder / "out") == owners(public_folder / "key") == {OLD_APP}
    done = run(public_folder, "installs", "import", "out/export", "--key-file", "key/key", "--yes")
    assert done.returncode == 0, done.stderr
