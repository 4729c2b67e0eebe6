"""Imports bring the newest of a history, and never replace what is newer here."""

import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from slack_sdk.oauth.installation_store import Bot

from latchkey.storage import (
    Attempt,
    Merged,
    Store,
    TokenId,
    WorkspaceKey,
    open_source,
)
from tests.storage.installations.moving.importing import HOURS, NOW, found, history, rotated, run_import
from tests.storage.installations.moving.other_stores import STORES, file_store, sqlite3_store
from tests.support.stores import installation


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
