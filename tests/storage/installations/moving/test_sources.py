"""What is read of each kind of source, and what is refused."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.errors import SourceError
from latchkey.storage import (
    Merged,
    Store,
    WorkspaceKey,
)
from latchkey.storage.installations.moving.database_url import DatabaseSource
from latchkey.storage.installations.moving.incoming import IncomingWorkspace
from tests.storage.installations.moving.importing import HOURS, NOW, found, history, rotated, run_import
from tests.storage.installations.moving.other_stores import CLIENT_ID, STORES, bolt_js_store, file_store, sqlite3_store
from tests.support.stores import files, installation


@pytest.mark.parametrize("kind", STORES)
def test_the_source_is_only_read(source: Path, store: Store, kind: str) -> None:
    location = STORES[kind](source, history())
    before = files(source)
    run_import(store, location)
    assert files(source) == before


def test_a_person_whose_installation_was_deleted_at_the_source_is_not_imported(source: Path, store: Store) -> None:
    location = file_store(source, [rotated("T1", 1), rotated("T1", 2, user_id="U2")])
    for path in Path(location).rglob("installer-U2-*"):
        path.unlink()
    run_import(store, location)
    [workspace] = store.workspaces.all()
    assert [installer.user_id for installer in workspace.installers] == ["U1"]


def test_columns_that_an_app_added_become_custom_values(source: Path, store: Store) -> None:
    location = sqlite3_store(source, [installation("T1")])
    with closing(sqlite3.connect(location)) as other, other:
        other.execute("ALTER TABLE slack_installations ADD COLUMN tenant TEXT DEFAULT '42'")
    run_import(store, location)
    assert found(store, "T1").custom_values == {"tenant": "42"}


def test_a_classic_apps_installation_is_named_and_not_imported(source: Path, store: Store) -> None:
    location = bolt_js_store(source, [installation("T1", enterprise_id="E1")])
    for path in Path(location).rglob("*-*"):
        if path.is_file():
            path.write_text(json.dumps({**json.loads(path.read_text()), "authVersion": "v1"}))
    result = run_import(store, location)
    assert (result.damaged, result.is_complete) == (4, False)
    assert "classic app" in result.listed[0].reason


def make_foreign(folder: Path, what: str) -> str:
    path = folder / "foreign"
    if what == "empty folder":
        path.mkdir()
    elif what == "folder of something else":
        (path / "none-T1").mkdir(parents=True)
        (path / "none-T1" / "notes.txt").write_text("x")
    elif what == "other SQLite file":
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE t (x)")
    elif what == "damaged SQLite file":
        Path(sqlite3_store(folder, [installation("T1")])).rename(path)
        path.write_bytes(path.read_bytes()[:100] + b"\xff" * 5000)
    elif what == "empty tables":
        Path(sqlite3_store(folder, [installation("T1")])).rename(path)
        with closing(sqlite3.connect(path)) as other, other:
            other.executescript("DELETE FROM slack_bots; DELETE FROM slack_installations")
    elif what == "text file":
        path.write_text("xoxb-sentinel")
    return "postgresql://user:hunter22@localhost/app" if what == "URL with a password" else str(path)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("nothing", "No such file"),
        ("empty folder", "contains no installations"),
        ("folder of something else", "contains no installations"),
        ("other SQLite file", "no such table"),
        ("damaged SQLite file", "malformed"),
        ("empty tables", "contains no installations"),
        ("text file", "neither an SQLite file nor an export"),
        ("URL with a password", "contains a password"),
    ],
)
def test_a_foreign_or_damaged_source_is_refused(source: Path, store: Store, what: str, said: str) -> None:
    with pytest.raises(SourceError, match=said) as refused:
        run_import(store, make_foreign(source, what))
    assert not [secret for secret in ("sentinel", "hunter22") if secret in str(refused.value)]
    assert not list(store.workspaces.all())


def test_an_interrupted_transaction_at_the_source_is_refused(source: Path, store: Store) -> None:
    location = sqlite3_store(source, [installation("T1")])
    Path(location + "-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7")
    with pytest.raises(SourceError, match="a transaction was interrupted"):
        run_import(store, location)


def test_finds_all_of_one_app_in_bolt_js_folders_of_several(source: Path, store: Store) -> None:
    """The folder of a workspace without an org is beside the app's folder, not in it."""
    ours = [installation("T1"), installation("T2", enterprise_id="E1")]
    location = bolt_js_store(source, ours, CLIENT_ID)
    bolt_js_store(source, [installation("T3")], "9.9")
    assert {path.name for path in Path(location).iterdir()} == {CLIENT_ID, f"{CLIENT_ID}T1", "9.9", "9.9T3"}
    assert run_import(store, location, CLIENT_ID).workspaces == {Merged.NEW: 2}
    with pytest.raises(SourceError, match=f"of several apps: {CLIENT_ID}, 9.9"):
        run_import(store, location)


@pytest.mark.parametrize("is_open", [True, False])
def test_reads_a_file_in_wal_mode_without_changing_it(source: Path, store: Store, is_open: bool) -> None:
    location = sqlite3_store(source, [installation("T1")])
    with closing(sqlite3.connect(location)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("UPDATE slack_bots SET bot_id = 'B2'")
        other.commit()
        if not is_open:
            other.close()
        before = files(source)
        assert (Path(f"{location}-wal").exists()) == is_open
        run_import(store, location)
        assert files(source) == before
    assert found(store, "T1").bot_id == "B2"


def test_a_row_that_is_not_utf_8_is_damaged_and_not_shown(source: Path, store: Store) -> None:
    location = sqlite3_store(source, [installation("T1"), installation("T2")])
    with closing(sqlite3.connect(location)) as other, other:
        other.execute("UPDATE slack_bots SET bot_token = CAST(x'786f78622dff' AS TEXT) WHERE team_id = 'T1'")
    result = run_import(store, location)
    assert [part.reason for part in result.listed] == ["bot_token is not text"]
    assert result.workspaces == {Merged.NEW: 2}


def test_other_databases_are_read_through_sqlalchemy(source: Path, store: Store) -> None:
    """With the same queries; here with SQLAlchemy's own driver of SQLite."""
    url = STORES["sqlalchemy"](source, history())
    with closing(DatabaseSource(url, None)) as database:
        read = {part.key: part for part in database.workspaces() if isinstance(part, IncomingWorkspace)}
        assert database.count() == len(read) == 3
    bot = read[WorkspaceKey("", "T1")].bot
    assert bot is not None
    assert bot["bot_refresh_token"] == "xoxe-sentinel-3"
    assert bot["bot_token_expires_at"] == NOW + 2 * HOURS


def test_says_which_package_a_database_needs(store: Store) -> None:
    with pytest.raises(SourceError, match="driver pymysql is not installed"):
        run_import(store, "mysql+pymysql://app@127.0.0.1/app")


def test_files_with_other_names_are_ignored(source: Path, store: Store) -> None:
    location = file_store(source, [installation("T1")])
    [folder] = Path(location).glob("*/none-T1")
    for name in ("bot-1.2.3", "installer-U1-1.2.3", "bot-latest.swp", "notes"):
        (folder / name).write_text("x")
    result = run_import(store, location)
    assert (result.workspaces, result.damaged) == ({Merged.NEW: 1}, 0)
