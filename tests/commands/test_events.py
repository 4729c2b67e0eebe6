"""`latchkey events`: unfinished events for people and for scripts; only failed ones are moved."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.storage import Outcome, Store, StoredEvent, open_store
from tests.support.command_line import run, run_json
from tests.support.stores import failed, unfinished

ERROR = "ValueError at app.py:3 in listener"
RECEIVED = 1_795_000_000.0


def event(event_id: str, team: str = "T1", text: str = "what people wrote") -> StoredEvent:
    body = {
        "token": "sentinel-verification",
        "type": "event_callback",
        "team_id": team,
        "event_id": event_id,
        "event": {"type": "app_mention", "text": text, "user": "U1"},
    }
    return StoredEvent(event_id, RECEIVED, "request-1", None, json.dumps(body).encode())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring")) as store:
        yield store


@pytest.fixture
def filled(store: Store) -> Store:
    """Ev1 has failed, Ev2 is retried, Ev3 waits."""
    one, two, three = event("Ev1"), event("Ev2", "T2"), event("Ev3")
    store.inbox.commit([one, two])
    one, two = (item._replace(listeners=["app.listener"], error=ERROR) for item in (one, two))
    outcomes = [
        Outcome.failed(one, attempts=5, now=RECEIVED + 90),
        Outcome.retry(two, attempts=2, due_at=RECEIVED + 60),
    ]
    store.inbox.commit([three], outcomes)
    return store


def test_status_counts_events_by_status(tmp_path: Path, filled: Store) -> None:
    figures = run_json(tmp_path, "events", "status")
    assert figures.pop("oldest_seconds") >= 0
    assert figures == {"failed": 1, "replaying": 0, "retrying": 1, "waiting": 1, "unreadable": 0, "seen_ids": 2}
    done = run(tmp_path, "events", "status")
    assert done.returncode == 0
    assert "failed, no retries left\t1\n" in done.stdout


def test_shows_an_event_with_half_a_surrogate_pair(tmp_path: Path, store: Store) -> None:
    store.inbox.commit([event("Ev1", text="cut \ud83d")])
    assert [row["type"] for row in run_json(tmp_path, "events", "list")["events"]] == ["app_mention"]
    assert run_json(tmp_path, "events", "show", "Ev1", "--body")["body"]["event"]["text"] == "cut \ufffd"
    shown = run(tmp_path, "events", "show", "Ev1", "--body", PYTHONIOENCODING="ascii")
    assert (shown.returncode, shown.stderr) == (0, "")


def test_list_begins_with_failed_events(tmp_path: Path, filled: Store) -> None:
    listed = run_json(tmp_path, "events", "list")
    assert [(row["event_id"], row["status"], row["team"]) for row in listed["events"]] == [
        ("Ev1", "failed", "T1"),
        ("Ev2", "retrying", "T2"),
        ("Ev3", "waiting", "T1"),
    ]
    assert listed["events"][0]["error"] == ERROR
    done = run(tmp_path, "events", "list", "--status", "failed")
    headings, row = done.stdout.splitlines()
    assert headings == "event_id\tstatus\tteam\ttype\treceived\tattempts\terror"
    assert row == f"Ev1\tfailed\tT1\tapp_mention\t2026-11-18 11:06:40 UTC\t5\t{ERROR}"


def test_list_is_filtered_and_says_when_there_is_more(tmp_path: Path, filled: Store) -> None:
    assert [row["event_id"] for row in run_json(tmp_path, "events", "list", "--team", "T2")["events"]] == ["Ev2"]
    assert run_json(tmp_path, "events", "list", "--limit", "2")["more"] is True
    done = run(tmp_path, "events", "list", "--limit", "2")
    assert len(done.stdout.splitlines()) == 3
    assert "there are more" in done.stderr


@pytest.mark.parametrize("event_id", ["Ev1", "Ev2", "Ev3"])
def test_show_finds_an_event_of_any_status_and_hides_its_text(tmp_path: Path, filled: Store, event_id: str) -> None:
    shown = run(tmp_path, "events", "show", event_id)
    assert shown.returncode == 0
    assert event_id in shown.stdout
    assert "what people wrote" not in shown.stdout
    body = run_json(tmp_path, "events", "show", event_id, "--body")["body"]
    assert body["event"]["text"] == "what people wrote"
    assert body["token"] == "********"


def test_an_unknown_event_is_exit_code_1(tmp_path: Path, filled: Store) -> None:
    for command in (("show", "Ev9"), ("retry", "Ev9"), ("drop", "--yes", "Ev9")):
        done = run(tmp_path, "events", *command)
        assert done.returncode == 1
        assert "there is no" in done.stderr
        assert "event Ev9" in done.stderr


def test_drop_deletes_only_failed_events(tmp_path: Path, filled: Store) -> None:
    done = run(tmp_path, "events", "drop", "--yes", "Ev2", "Ev3", "Ev1")
    assert done.returncode == 1
    assert "event Ev2 has not failed; its status is retrying" in done.stderr
    assert "event Ev3 has not failed; its status is waiting" in done.stderr
    assert done.stdout == "1 event deleted\n"
    assert not failed(filled)
    assert len(unfinished(filled)) == 2


def test_retry_hands_an_event_to_the_server(tmp_path: Path, filled: Store) -> None:
    done = run(tmp_path, "events", "retry", "--all")
    assert (done.returncode, done.stdout) == (0, "1 event will run again\n")
    [taken] = filled.inbox.take_replays()
    assert (taken.event_id, taken.attempts, taken.listeners) == ("Ev1", 0, ["app.listener"])


def test_an_event_with_an_expired_trigger_is_not_run_again(tmp_path: Path, filled: Store) -> None:
    body = {"type": "event_callback", "event": {"type": "entity_details_requested", "trigger_id": "1.2.abc"}}
    details = event("Ev4")._replace(
        body=json.dumps(body).encode(), error="trigger expired: ValueError at app.py:3 in f"
    )
    filled.inbox.commit([details])
    filled.inbox.commit([], [Outcome.failed(details, attempts=1, now=RECEIVED)])
    assert "trigger expired: ValueError" in run(tmp_path, "events", "show", "Ev4").stdout
    done = run(tmp_path, "events", "retry", "Ev4")
    assert (done.returncode, done.stdout) == (1, "0 events will run again\n")
    assert "event Ev4 is not run again: its trigger has expired; `latchkey events drop Ev4` deletes it" in done.stderr
    done = run(tmp_path, "events", "retry", "--all")
    assert (done.returncode, done.stdout) == (0, "1 event will run again\n")
    assert [taken.event_id for taken in filled.inbox.take_replays()] == ["Ev1"]
    assert run(tmp_path, "events", "drop", "--yes", "Ev4").returncode == 0
    assert not failed(filled)


@pytest.mark.parametrize("typed", ["", "n\n"])
def test_nothing_is_deleted_without_confirmation(tmp_path: Path, filled: Store, typed: str) -> None:
    done = run(tmp_path, "events", "drop", "Ev1", typed=typed)
    assert done.returncode == 3
    assert "--yes" in done.stderr
    assert len(failed(filled)) == 1


@pytest.mark.parametrize("arguments", [(), ("--all", "Ev1")])
def test_retry_and_drop_need_ids_or_all(tmp_path: Path, filled: Store, arguments: tuple[str, ...]) -> None:
    for command in ("retry", "drop"):
        assert run(tmp_path, "events", command, *arguments).returncode == 2


def test_a_command_creates_no_store(tmp_path: Path) -> None:
    done = run(tmp_path, "events", "status")
    assert done.returncode == 1
    assert "there is no store" in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_unreadable_event_is_listed_by_its_id_and_can_be_dropped(tmp_path: Path, filled: Store) -> None:
    with closing(sqlite3.connect(tmp_path / "data" / "store.sqlite")) as other:
        other.execute("UPDATE aside SET value = substr(CAST(value AS BLOB), 1, 30)")
        other.commit()
    assert run_json(tmp_path, "events", "list", "--status", "failed")["events"] == [
        {"event_id": "Ev1", "status": "unreadable", "team": None, "error": "it was changed after it was encrypted"}
    ]
    assert run(tmp_path, "events", "retry", "Ev1").returncode == 1
    assert run(tmp_path, "events", "drop", "--yes", "Ev1").returncode == 0
