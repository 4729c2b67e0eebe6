"""`latchkey backup`: its output, exit codes, and the deletion of older backups."""

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.storage import list_backups
from tests.support.command_line import run, run_json
from tests.support.stores import FOREIGN, SENTINELS, Paths, files, fill, foreign_store, other_process, owners


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring"
    fill(paths, "T1", "T2")
    return paths


def names(tmp_path: Path) -> list[str]:
    return [backup.path.name for backup in list_backups(tmp_path / "backups")]


def test_prints_only_the_path_on_stdout(tmp_path: Path, paths: Paths) -> None:
    done = run(tmp_path, "backup")
    [backup] = list_backups(tmp_path / "backups")
    assert (done.returncode, done.stdout) == (0, f"{backup.path}\n")
    assert f"7 records, 0.1 MB, checked; needs the key ids {backup.key_ids[0]}" in done.stderr
    assert json.loads((backup.path / "manifest.json").read_text())["made_by"] == "0.1.0"


def test_json_describes_the_backup(tmp_path: Path, paths: Paths) -> None:
    told = run_json(tmp_path, "backup")
    [backup] = list_backups(tmp_path / "backups")
    assert told == {
        "path": str(backup.path),
        "made_at": backup.made_at,
        "bytes": backup.size,
        "key_ids": list(backup.key_ids),
        "records": dict(backup.records),
        "unreadable": 0,
        "deleted": [],
    }


def test_deletes_older_backups_beyond_keep(tmp_path: Path, paths: Paths) -> None:
    (tmp_path / "config.toml").write_text("[backup]\nkeep = 2\n")
    for _ in range(4):
        assert run(tmp_path, "backup").returncode == 0
    assert len(names(tmp_path)) == 2
    newest = names(tmp_path)[0]
    told = run_json(tmp_path, "backup", "--keep", "1")
    assert len(told["deleted"]) == 2
    assert names(tmp_path) == [Path(told["path"]).name] != [newest]


def test_uses_the_folder_and_the_configuration_given(tmp_path: Path, paths: Paths) -> None:
    (tmp_path / "other.toml").write_text('[backup]\npath = "elsewhere"\n')
    assert run(tmp_path, "backup", "--config", "other.toml").returncode == 0
    assert run(tmp_path, "backup", "--to", "here/and/there").returncode == 0
    assert [len(list_backups(tmp_path / name)) for name in ("elsewhere", "here/and/there", "backups")] == [1, 1, 0]
    assert stat.S_IMODE((tmp_path / "here").stat().st_mode) == 0o700


@pytest.mark.parametrize("arguments", [("--keep", "0"), ("--keep", "many"), ("extra",)])
def test_wrong_usage_exits_2_and_creates_nothing(tmp_path: Path, paths: Paths, arguments: tuple[str, ...]) -> None:
    assert run(tmp_path, "backup", *arguments).returncode == 2
    assert not (tmp_path / "backups").exists()


@pytest.mark.parametrize(("setting", "problem"), [('path = ""', "expected a path"), ("keep = 0", "from 1 to")])
def test_a_bad_setting_exits_78(tmp_path: Path, paths: Paths, setting: str, problem: str) -> None:
    (tmp_path / "config.toml").write_text(f"[backup]\n{setting}\n")
    done = run(tmp_path, "backup")
    assert done.returncode == 78
    assert problem in done.stderr


def test_a_missing_store_exits_1_and_creates_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, "backup")
    assert done.returncode == 1
    assert "there is no store" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_created_is_one_line(tmp_path: Path, paths: Paths) -> None:
    (tmp_path / "backups").write_text("a file")
    done = run(tmp_path, "backup")
    assert done.returncode == 1
    assert done.stderr.startswith("latchkey: no backup was made: ")
    assert len(done.stderr.splitlines()) == 1


def test_an_unreadable_record_exits_1_and_keeps_older_backups(tmp_path: Path, paths: Paths) -> None:
    for _ in range(2):
        run(tmp_path, "backup")
    with closing(sqlite3.connect(paths[0])) as connection:
        connection.execute("UPDATE bots SET value = substr(CAST(value AS BLOB), 1, 60) WHERE key = '/T1'")
        connection.commit()
    done = run(tmp_path, "backup", "--keep", "1")
    assert done.returncode == 1
    assert "1 record of the store cannot be decrypted" in done.stderr
    assert "hint: " in done.stderr
    assert done.stdout.strip() == str(list_backups(tmp_path / "backups")[0].path)
    assert len(names(tmp_path)) == 3


def test_a_backup_can_be_made_beside_an_open_store(tmp_path: Path, paths: Paths) -> None:
    with other_process(paths):
        assert run(tmp_path, "backup").returncode == 0


def test_no_output_and_no_file_contains_a_token_or_a_key(tmp_path: Path, paths: Paths) -> None:
    key = paths[1].read_text().splitlines()[-1]
    before = files(tmp_path)
    done = [run(tmp_path, "backup", *more) for more in ((), ("--json",), ("--keep", "1"))]
    printed = "".join(item.stdout + item.stderr for item in done)
    written = b"".join(content for name, content in files(tmp_path).items() if name not in before)
    for secret in (*SENTINELS, key):
        assert secret not in printed
        assert secret.encode() not in written


@pytest.mark.root
def test_the_services_user_can_use_what_root_made(public_folder: Path) -> None:
    paths = foreign_store(public_folder, "T1")
    assert run(public_folder, "backup").returncode == 0
    assert run(public_folder, "restore", "--yes", "--offline").returncode == 0
    for folder in (public_folder / "backups", paths[0].parent, paths[1].parent):
        assert owners(folder) == {FOREIGN}


@pytest.mark.root
def test_root_can_restore_a_backup_that_only_root_can_read(public_folder: Path) -> None:
    paths = foreign_store(public_folder, "T1")
    private = public_folder / "private"
    private.mkdir(mode=0o700)
    assert run(public_folder, "backup", "--to", str(private)).returncode == 0
    [backup] = private.iterdir()
    for options in (("--dry-run",), ("--yes", "--offline")):
        done = run(public_folder, "restore", str(backup), *options)
        assert done.returncode == 0, done.stderr
        assert "0 would be lost" in done.stdout
    assert owners(private) == {(0, 0)}
    assert owners(paths[0].parent) == {FOREIGN}
