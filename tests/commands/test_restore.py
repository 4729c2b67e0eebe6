"""`latchkey restore`: the preview, the confirmation, and the refusals."""

import json
from pathlib import Path

import pytest

from latchkey.storage import list_backups
from tests.support.command_line import run, run_json
from tests.support.stores import SENTINELS, Paths, files, fill, fill_and_crash, other_process, replaced, teams


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A store with T1 to T3, with a newest backup of T1 and T2 and an older one of T1."""
    paths = tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring"
    for team in ("T1", "T2", "T3"):
        fill(paths, team)
        if team != "T3":
            assert run(tmp_path, "backup").returncode == 0
    return paths


@pytest.mark.parametrize("crashed", [False, True])
def test_dry_run_shows_what_would_be_lost_and_changes_no_byte(tmp_path: Path, paths: Paths, crashed: bool) -> None:
    if crashed:
        fill_and_crash(paths, "T4")
    before = files(tmp_path)
    done = run(tmp_path, "restore", "--dry-run")
    lost = "4" if crashed else "2"
    assert done.returncode == 0
    assert f"installations: {lost} would be lost, 0 replaced by older ones, 0 restored\n" in done.stdout
    assert "lost\tU1\tT3\t\tA1\t2026-11-18 11:06:40 UTC\t\n" in done.stdout
    assert "lost\tbot\tT3\t" in done.stdout
    assert "unfinished events: 0 would be lost; 0 from the backup will be marked failed" in done.stdout
    assert files(tmp_path) == before
    assert not (paths[0].parent / "store.sqlite.lock").exists()


def test_dry_run_works_beside_a_server(tmp_path: Path, paths: Paths) -> None:
    with other_process(paths):
        told = run_json(tmp_path, "restore", "--dry-run")
    assert (told["dry_run"], told["lost"], told["older"], told["restored"]) == (True, 2, 0, 0)
    assert [(item["kind"], item["of"], item["team_id"]) for item in told["changes"]] == [
        ("lost", "user", "T3"), ("lost", "bot", "T3"),
    ]  # fmt: skip


@pytest.mark.parametrize("typed", ["", "n\n"])
def test_restores_nothing_without_confirmation(tmp_path: Path, paths: Paths, typed: str) -> None:
    before = files(tmp_path)
    done = run(tmp_path, "restore", typed=typed)
    assert done.returncode == 3
    assert "--yes" in done.stderr
    assert files(tmp_path) == before


def test_restores_the_newest_backup_and_names_the_previous_store(tmp_path: Path, paths: Paths) -> None:
    done = run(tmp_path, "restore", "--yes", "--offline")
    [kept] = replaced(paths[0])
    newest = list_backups(tmp_path / "backups")[0]
    assert done.returncode == 0
    assert done.stdout.endswith(f"restored {newest.path.name}; the previous store is {kept}\n")
    assert teams(paths) == {"T1", "T2"}
    assert teams((kept, paths[1])) == {"T1", "T2", "T3"}


@pytest.mark.parametrize("how", ["name", "path", "relative path"])
def test_chooses_a_backup_by_name_or_path(tmp_path: Path, paths: Paths, how: str) -> None:
    oldest = list_backups(tmp_path / "backups")[-1].path
    named = {"name": oldest.name, "path": str(oldest), "relative path": f"backups/{oldest.name}"}[how]
    told = run_json(tmp_path, "restore", named, "--yes", "--offline")
    assert Path(told["backup"]["path"]).name == oldest.name
    assert (told["lost"], told["tokens"]) == (4, None)
    assert told["replaced"] == str(replaced(paths[0])[0])
    assert teams(paths) == {"T1"}


def test_refuses_while_a_server_is_running(tmp_path: Path, paths: Paths) -> None:
    with other_process(paths) as process:
        before = files(tmp_path)
        done = run(tmp_path, "restore", "--yes")
        assert done.returncode == 1
        assert f"open in another process (pid {process.pid})" in done.stderr
        assert "hint: stop the server first" in done.stderr
        assert files(tmp_path) == before


def test_an_unknown_backup_exits_1_and_names_the_newest(tmp_path: Path, paths: Paths) -> None:
    done = run(tmp_path, "restore", "2020-01-01T000000Z")
    assert done.returncode == 1
    assert "there is no backup 2020-01-01T000000Z" in done.stderr
    assert list_backups(tmp_path / "backups")[0].path.name in done.stderr
    assert run(tmp_path, "restore", "data").returncode == 1
    assert "is not a backup of Latchkey" in run(tmp_path, "restore", "data").stderr


def test_no_backup_at_all_exits_1_and_creates_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run(tmp_path / "empty", "restore", "--yes")
    assert done.returncode == 1
    assert "there is no backup in" in done.stderr
    assert not list((tmp_path / "empty").iterdir())


def test_an_invalid_backup_prints_one_line_and_a_hint_and_changes_nothing(tmp_path: Path, paths: Paths) -> None:
    newest = list_backups(tmp_path / "backups")[0]
    content = newest.store.read_bytes()
    newest.store.write_bytes(content[:-1] + b"x")
    before = files(tmp_path)
    done = run(tmp_path, "restore", "--yes", "--offline")
    assert done.returncode == 1
    assert done.stdout == ""
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["latchkey", "hint"]
    newest.store.write_bytes(content)
    keyring = paths[1].read_bytes()
    paths[1].unlink()
    assert "No such file" in run(tmp_path, "restore", "--yes").stderr
    paths[1].write_bytes(keyring)
    paths[1].chmod(0o644)
    assert "mode 0644" in run(tmp_path, "restore", "--yes").stderr
    before[str(newest.store.relative_to(tmp_path))] = content
    assert files(tmp_path) == before


def test_restores_a_lost_store_without_knowing_what_is_lost(tmp_path: Path, paths: Paths) -> None:
    paths[0].unlink()
    done = run(tmp_path, "restore", "--yes", "--offline")
    assert done.returncode == 0
    assert "cannot tell what would be lost, because the current store cannot be read: there is no store" in done.stdout
    assert teams(paths) == {"T1", "T2"}


def test_every_command_reports_an_interrupted_restore(tmp_path: Path, paths: Paths) -> None:
    (tmp_path / "data" / "store.sqlite.restoring").write_bytes(paths[0].read_bytes()[:5000])
    paths[0].unlink()
    done = run(tmp_path, "installs", "list")
    assert done.returncode == 1
    assert "a restore was interrupted" in done.stderr
    assert "hint: run `latchkey restore` again" in done.stderr


def test_no_output_contains_a_token_or_a_key(tmp_path: Path, paths: Paths) -> None:
    key = paths[1].read_text().splitlines()[-1]
    for arguments in (
        ("--dry-run",),
        ("--dry-run", "--json"),
        ("--yes", "--offline"),
        ("--yes", "--offline", "--json"),
    ):
        done = run(tmp_path, "restore", *arguments)
        assert done.returncode == 0
        for secret in (*SENTINELS, key):
            assert secret not in done.stdout + done.stderr
        if "--json" in arguments:
            assert done.stderr == ""
            json.loads(done.stdout)
