"""`latchkey installs export`: an encrypted file that `import` reads back, complete or not at all."""

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from slack_sdk.oauth.installation_store import Bot

from latchkey.storage import open_store
from tests.support.command_line import run, run_json
from tests.support.stores import SENTINELS, Paths, files, fill, installation

EXPORT = ("installs", "export", "--to", "out/installs.export", "--key-file", "key/installs.key")
IMPORT = ("installs", "import", "../out/installs.export", "--key-file", "../key/installs.key", "--yes")


def paths(folder: Path) -> Paths:
    return folder / "data" / "store.sqlite", folder / "keys" / "keyring"


def contents(folder: Path) -> list[dict[str, object]]:
    with closing(open_store(*paths(folder))) as store:
        bots = [vars(workspace.bot) for workspace in store.workspaces.all() if workspace.bot]
        return [*(vars(item) for item in store.installations.page().installations), *bots]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Workspaces with several people, of an org, a whole org, and with only a bot; beside an empty store."""
    with closing(open_store(*paths(tmp_path))) as store:
        for number in range(205):
            store.installations.save(installation("T1", user_id=f"U{number}", installed_at=1_795_000_000.5 + number))
        store.installations.save(installation("T2", enterprise_id="E1", custom_values={"tenant": "42"}))
        store.installations.save(installation("T3", enterprise_id="E1", is_enterprise_install=True))
        bot = {"bot_token": "xoxb-sentinel-T9", "bot_id": "B", "bot_user_id": "U", "installed_at": 1.0}
        store.installations.save_bot(Bot(app_id="A1", team_id="T9", **bot))
    fill(paths(tmp_path / "other"))
    return tmp_path


def test_import_reads_an_export_back(folder: Path) -> None:
    done = run(folder, *EXPORT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("exported 4 workspaces to out/installs.export")
    assert run(folder / "other", *IMPORT).returncode == 0
    assert contents(folder / "other") == contents(folder)


def test_both_files_are_private_and_contain_no_plain_token(folder: Path) -> None:
    assert run(folder, *EXPORT).returncode == 0
    for name in ("out/installs.export", "key/installs.key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
        assert not [word for word in SENTINELS if word.encode() in (folder / name).read_bytes()]


@pytest.mark.parametrize("taken", ["out/installs.export", "key/installs.key"])
def test_an_existing_file_is_never_overwritten(folder: Path, taken: str) -> None:
    (folder / taken).parent.mkdir()
    (folder / taken).write_text("mine")
    before = files(folder)
    done = run(folder, *EXPORT)
    assert done.returncode == 1
    assert "is never overwritten" in done.stderr
    assert files(folder) == before


def test_a_failed_export_leaves_no_file(folder: Path) -> None:
    (folder / "out").write_text("a file where the folder should be")
    before = files(folder)
    done = run(folder, *EXPORT)
    assert done.returncode == 1
    assert "nothing was exported" in done.stderr
    assert files(folder) == before


def cut(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def without_a_line(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], *lines[3:]]))


def flipped(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"gAAAAA", b"gAAAAB", 1))


def header_only(path: Path) -> None:
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])


@pytest.mark.parametrize("damage", [cut, without_a_line, flipped, header_only])
def test_nothing_of_a_damaged_export_is_imported(folder: Path, damage: object) -> None:
    assert run(folder, *EXPORT).returncode == 0
    damage(folder / "out" / "installs.export")  # type: ignore[operator]
    done = run(folder / "other", *IMPORT)
    assert done.returncode == 1
    assert "cannot be decrypted" in done.stderr
    assert contents(folder / "other") == []


def test_an_export_needs_its_own_key(folder: Path) -> None:
    assert run(folder, *EXPORT).returncode == 0
    assert "--key-file" in run(folder / "other", *IMPORT[:3], "--yes").stderr
    (folder / "key" / "installs.key").write_bytes(paths(folder)[1].read_bytes())
    done = run(folder / "other", *IMPORT)
    assert done.returncode == 1
    assert "its key is not in the keyring" in done.stderr


def test_unreadable_records_are_named_and_the_rest_is_exported(folder: Path) -> None:
    with closing(sqlite3.connect(paths(folder)[0])) as other, other:
        other.execute("UPDATE bots SET value = substr(CAST(value AS BLOB), 1, 60) WHERE key = '/T1'")
    done = run(folder, *EXPORT, "--json")
    assert done.returncode == 1
    assert "record '/T1' of bots" in json.loads(done.stdout)["unreadable"][0]
    assert run(folder / "other", *IMPORT).returncode == 0
    assert run_json(folder / "other", "installs", "list", "--team", "T1")["installs"][0]["users"] == 205
