"""Imports from other programs' stores: the newest of their history, and never over what is newer here."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.oauth.installation_store import Bot, Installation

from latchkey.errors import SourceError
from latchkey.storage import (
    Attempt,
    ImportResult,
    Merged,
    Store,
    TokenId,
    WorkspaceKey,
    open_source,
    open_store,
)
from latchkey.storage.installations.moving.database_url import DatabaseSource
from latchkey.storage.installations.moving.incoming import IncomingWorkspace
from tests.storage.installations.moving.other_stores import CLIENT_ID, STORES, bolt_js_store, file_store, sqlite3_store
from tests.support.stores import files, installation

NOW = float(int(time.time()))
"""Near the times that slack_sdk's SQLite3 store notes itself."""
HOURS = 3600.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring")) as store:
        yield store


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.mkdir()
    return path


def run_import(store: Store, location: str, client_id: str | None = None, *, dry_run: bool = False) -> ImportResult:
    with open_source(location, client_id=client_id, key_path=None) as opened:
        return store.moving.import_from(opened, lambda what, done, total: None, dry_run=dry_run)


def rotated(team_id: str, number: int, **values: Any) -> Installation:
    """Return an installation after a number of refreshes, made 13 hours ago, with the last one `number` hours later."""
    refreshed = NOW - 13 * HOURS + number * HOURS
    fields = {
        "bot_token": f"xoxe.xoxb-sentinel-{number}",
        "bot_refresh_token": f"xoxe-sentinel-{number}",
        "bot_token_expires_at": int(refreshed + 12 * HOURS),
        "user_token": f"xoxe.xoxp-sentinel-{number}",
        "user_refresh_token": f"xoxe-sentinel-user-{number}",
        "user_token_expires_at": int(refreshed + 12 * HOURS),
        "installed_at": NOW - 13 * HOURS,
        **values,
    }
    return installation(team_id, **fields)


def found(store: Store, team_id: str | None, enterprise_id: str | None = None, **values: Any) -> Installation:
    result = store.installations.find_installation(enterprise_id=enterprise_id, team_id=team_id, **values)
    assert result is not None
    return result


def history() -> list[Installation]:
    """Two people of T1, of whom the first was refreshed twice; a workspace of an org; and another org as a whole."""
    org = {"enterprise_id": "E2", "enterprise_name": "Forest", "is_enterprise_install": True}
    return [
        rotated("T1", 0),
        rotated("T1", 1),
        rotated("T1", 2),
        rotated("T1", 3, user_id="U2", user_token="xoxe.xoxp-sentinel-U2", installed_at=NOW - 12 * HOURS),
        installation("T2", enterprise_id="E1", user_token=None, installed_at=NOW - HOURS),
        # slack_sdk cannot find an org-wide installation that was saved with the id of a workspace.
        installation("T3", **org, installed_at=NOW - HOURS),
    ]


@pytest.mark.parametrize("kind", STORES)
def test_imports_the_newest_of_the_history(source: Path, store: Store, kind: str) -> None:
    location = STORES[kind](source, history())
    assert run_import(store, location).workspaces == {Merged.NEW: 3}
    latest = found(store, "T1")
    assert (latest.user_id, latest.bot_token, latest.bot_refresh_token) == (
        "U2", "xoxe.xoxb-sentinel-3", "xoxe-sentinel-3",
    )  # fmt: skip
    assert latest.bot_token_expires_at == NOW + 2 * HOURS
    assert (latest.team_name, latest.bot_scopes, latest.bot_id, latest.bot_user_id, latest.app_id) == (
        "Team T1", ["chat:write"], "B1", "UB1", "A1",
    )  # fmt: skip
    assert latest.incoming_webhook_url == "https://hooks-sentinel"
    first = found(store, "T1", user_id="U1")
    assert (first.user_token, first.user_refresh_token, first.user_scopes) == (
        "xoxe.xoxp-sentinel-2", "xoxe-sentinel-user-2", ["search:read"],
    )  # fmt: skip
    assert found(store, "T2", "E1").user_token is None
    assert found(store, None, "E2", is_enterprise_install=True).bot_token == "xoxb-sentinel-T3"


@pytest.mark.parametrize("kind", STORES)
def test_a_second_import_changes_nothing(source: Path, store: Store, kind: str) -> None:
    location = STORES[kind](source, history())
    run_import(store, location)
    before = [vars(item) for item in store.installations.page().installations]
    assert run_import(store, location).workspaces == {Merged.UNCHANGED: 3}
    assert [vars(item) for item in store.installations.page().installations] == before


@pytest.mark.parametrize("kind", STORES)
def test_the_source_is_only_read(source: Path, store: Store, kind: str) -> None:
    location = STORES[kind](source, history())
    before = files(source)
    run_import(store, location)
    assert files(source) == before


@pytest.mark.parametrize("kind", STORES)
def test_dry_run_counts_and_changes_nothing(source: Path, store: Store, kind: str) -> None:
    location = STORES[kind](source, history())
    assert run_import(store, location, dry_run=True).workspaces == {Merged.NEW: 3}
    assert not list(store.workspaces.all())


def test_never_replaces_what_was_installed_or_refreshed_here_later(source: Path, store: Store) -> None:
    location = file_store(source, [rotated("T1", 3), installation("T2"), installation("T4", user_token=None)])
    store.installations.save(rotated("T1", 4))
    store.installations.save(installation("T2", bot_token="xoxb-sentinel-later", installed_at=NOW))
    assert run_import(store, location).workspaces == {Merged.NEW: 1, Merged.NEWER_HERE: 2}
    assert found(store, "T1").bot_refresh_token == "xoxe-sentinel-4"
    assert found(store, "T1").user_refresh_token == "xoxe-sentinel-user-4"
    assert found(store, "T2").bot_token == "xoxb-sentinel-later"


def test_replaces_what_was_refreshed_at_the_source_later(source: Path, store: Store) -> None:
    store.installations.save(rotated("T1", 3))
    assert run_import(store, file_store(source, [rotated("T1", 4)])).workspaces == {Merged.UPDATED: 1}
    assert found(store, "T1").bot_refresh_token == "xoxe-sentinel-4"


def test_a_token_that_was_revoked_here_does_not_come_back(source: Path, store: Store) -> None:
    location = file_store(source, [rotated("T1", 3)])
    run_import(store, location)
    store.installations.remove_revoked(None, "T1", user_ids=["U1"], event_time=NOW)
    run_import(store, location)
    assert found(store, "T1").user_token is None


def test_finds_a_persons_token_that_bolt_erased_when_it_refreshed_the_bot(source: Path, store: Store) -> None:
    """For another person's request, Bolt saves the latest installation with a fresh bot, but without its user token."""
    erased = {"user_token": None, "user_refresh_token": None, "user_token_expires_at": None, "user_scopes": []}
    location = sqlite3_store(source, [rotated("T1", 1), rotated("T1", 2, **erased)])
    run_import(store, location)
    kept = found(store, "T1", user_id="U1")
    assert (kept.bot_refresh_token, kept.user_refresh_token) == ("xoxe-sentinel-2", "xoxe-sentinel-user-1")


def test_a_bot_of_a_person_who_installed_earlier_is_the_newest_if_it_was_refreshed_last(
    source: Path, store: Store
) -> None:
    """slack_sdk's stores look up the bot of the latest installation, and miss the refreshed one."""
    later = rotated("T1", 1, user_id="U2", installed_at=NOW - 2 * HOURS)
    run_import(store, STORES["sqlalchemy"](source, [later, rotated("T1", 12)]))
    assert found(store, "T1").bot_refresh_token == "xoxe-sentinel-12"


def test_a_person_whose_installation_was_deleted_at_the_source_is_not_imported(source: Path, store: Store) -> None:
    location = file_store(source, [rotated("T1", 1), rotated("T1", 2, user_id="U2")])
    for path in Path(location).rglob("installer-U2-*"):
        path.unlink()
    run_import(store, location)
    [workspace] = store.workspaces.all()
    assert [installer.user_id for installer in workspace.installers] == ["U1"]


def test_a_workspace_with_only_a_bot_is_imported(source: Path, store: Store) -> None:
    location = file_store(source, [])
    bot = rotated("T1", 1).to_bot()
    folder = source / "files" / "none-T1"
    folder.mkdir(parents=True)
    (folder / "bot-latest").write_text(json.dumps(vars(bot)))
    assert run_import(store, location).workspaces == {Merged.NEW: 1}
    assert isinstance(store.installations.find_bot(enterprise_id=None, team_id="T1"), Bot)


def test_the_bot_comes_from_an_installation_if_the_source_has_no_other_record_of_it(source: Path, store: Store) -> None:
    location = sqlite3_store(source, [rotated("T1", 1)])
    with closing(sqlite3.connect(location)) as other, other:
        other.execute("DELETE FROM slack_bots")
    run_import(store, location)
    assert found(store, "T1").bot_refresh_token == "xoxe-sentinel-1"


def test_custom_values_are_kept(source: Path, store: Store) -> None:
    run_import(store, file_store(source, [installation("T1", custom_values={"tenant": "42"})]))
    assert found(store, "T1").custom_values == {"tenant": "42"}


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


def test_the_expiries_of_imported_tokens_are_noted_for_the_sweep(tmp_path: Path, source: Path, store: Store) -> None:
    run_import(store, file_store(source, [rotated("T1", 3)]))
    with closing(sqlite3.connect(tmp_path / "data" / "store.sqlite")) as other:
        rows = [key for (key,) in other.execute("SELECT key FROM expiries ORDER BY key")]
    at = f"{NOW + 2 * HOURS:012.0f}"
    assert rows == [f"{at}/b//T1", f"{at}/u//T1/U1"]


def test_an_imported_newer_token_ends_the_mark_that_the_app_must_be_reinstalled(source: Path, store: Store) -> None:
    store.installations.save(rotated("T1", 1))
    token_id = TokenId(WorkspaceKey("", "T1"))
    pair = store.tokens.pair(token_id)
    assert pair is not None
    attempt = store.tokens.begin(token_id, pair, NOW)
    assert isinstance(attempt, Attempt)
    store.tokens.mark(attempt, "invalid_refresh_token", now=NOW)
    assert store.tokens.refresh_state(token_id).reinstall_since == NOW
    run_import(store, file_store(source, [rotated("T1", 2)]))
    assert store.tokens.refresh_state(token_id).reinstall_since is None


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
    with pytest.raises(SourceError, match="driver psycopg is not installed"):
        run_import(store, "postgresql://app@127.0.0.1/app")


def test_what_is_installed_here_during_an_import_is_kept(source: Path, store: Store) -> None:
    """Every commit of the import is refused if a record has changed since it was read, and is prepared again."""
    names = [f"T{number}" for number in range(60)]
    location = file_store(source, map(installation, names))

    def install() -> None:
        for name in names:
            store.installations.save(installation(name, bot_token="xoxb-sentinel-later", installed_at=NOW))

    with open_source(location, client_id=None, key_path=None) as opened:
        installing = threading.Thread(target=install)
        installing.start()
        store.moving.import_from(opened, lambda *_: None)
        installing.join()
    assert {item.bot_token for item in store.installations.page().installations} == {"xoxb-sentinel-later"}
