"""`latchkey keys rotate`: a summary, a preview, and a backup first."""

import os
from pathlib import Path

from tests.commands.keys.store_files import RECORDS, contents, key_ids, with_another_keyring
from tests.support.command_line import impatient, on_a_terminal, run, run_json


def test_rotate_prints_a_summary(folder: Path) -> None:
    old = key_ids(folder)[0]
    rotated = run_json(folder, "keys", "rotate", "--yes")
    assert rotated.pop("seconds") > rotated.pop("reencryption_seconds") > 0
    [backup] = (folder / "backups").iterdir()
    assert rotated.pop("backup") == str(backup)
    assert rotated == {
        "ok": True,
        "key_id": key_ids(folder)[0],
        "new_key": True,
        "reencrypted": RECORDS,
        "conflicts": 0,
        "retired": [old],
        "checked": RECORDS,
        "unreadable_count": 0,
        "unreadable": [],
    }
    done = run(folder, "keys", "rotate", "--yes")
    assert done.returncode == 0
    assert "\nbackup\t" in f"\n{done.stdout}"
    assert f"records re-encrypted\t{RECORDS}\n" in done.stdout
    assert f"keys retired\t{rotated['key_id']}\n" in done.stdout
    assert f"`latchkey keys retire {rotated['key_id']}`" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_rotate_makes_no_backup_with_no_backup(folder: Path) -> None:
    assert run_json(folder, "keys", "rotate", "--yes", "--no-backup")["backup"] is None
    assert not (folder / "backups").exists()


def test_failed_backup_stops_the_rotation_before_any_change(folder: Path) -> None:
    (folder / "backups").write_text("a file stands where the folder should be")
    before = contents(folder)
    done = run(folder, "keys", "rotate", "--yes")
    assert done.returncode == 1
    assert "no backup was made" in done.stderr
    assert contents(folder) == before


def test_dry_run_changes_nothing(folder: Path) -> None:
    before = contents(folder)
    assert run_json(folder, "keys", "rotate", "--dry-run") == {
        "new_key": True,
        "key_id": None,
        "records": RECORDS,
        "already_under_it": 0,
        "processes": 0,
    }
    done = run(folder, "keys", "rotate", "--dry-run")
    assert (done.returncode, done.stderr) == (0, "nothing was changed\n")
    assert contents(folder) == before
    run(folder, "keys", "add")
    assert run_json(folder, "keys", "rotate", "--dry-run")["key_id"] == key_ids(folder)[0]


def test_asks_for_confirmation_on_a_terminal(folder: Path) -> None:
    before = contents(folder)
    code, shown = on_a_terminal(folder, "keys", "rotate", typed="n\n")
    assert code == 3
    assert "Re-encrypt 16 records under a new key?" in shown
    assert contents(folder) == before
    code, shown = on_a_terminal(folder, "keys", "rotate", typed="y\n")
    assert code == 0
    assert len(key_ids(folder)) == 2


def test_rotate_exits_1_and_names_a_process_that_does_not_use_the_new_key(folder: Path) -> None:
    with with_another_keyring(folder):
        before = contents(folder)["store"]
        for count in (2, 2):
            done = run(folder, "keys", "rotate", "--yes", program=impatient())
            assert done.returncode == 1
            assert f"pid {os.getpid()}" in done.stderr
            assert "restart them" in done.stderr
            assert len(key_ids(folder)) == count
        assert contents(folder)["store"] == before
    assert run_json(folder, "keys", "rotate", "--yes")["new_key"] is False
