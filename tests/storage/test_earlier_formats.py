"""Stores, backups and keyrings written by earlier versions open and work; see fixtures/README.md."""

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.oauth.installation_store import Installation

from latchkey.errors import StoreUnavailable
from latchkey.storage import Store, StoredEvent, open_store
from tests.support.clocks import Clock
from tests.support.command_line import run, run_json

FIXTURES = Path(__file__).parent / "fixtures"
FORMATS = sorted(path.name for path in FIXTURES.glob("format-*"))
STATUSES = {"aside": "failed", "again": "replaying"}
"""Statuses that have another name today."""


class EarlierStore:
    """A copy of one store of a fixture, with the modes that it needs."""

    def __init__(self, fixture: Path, name: str, folder: Path) -> None:
        self.expected: dict[str, Any] = json.loads((fixture / "expected.json").read_text())
        self.folder = folder
        self.paths = folder / "data" / "store.sqlite", folder / "keys" / "keyring"
        for path in self.paths:
            path.parent.mkdir(mode=0o700)
            shutil.copyfile(fixture / name / path.name, path)
            path.chmod(0o600)
        # Just after the last write: OAuth states expire after 10 minutes, ids of seen events after 25 hours.
        self.clock = Clock(self.expected["clock_primary"] + 20)

    def open(self) -> "closing[Store]":
        return closing(open_store(*self.paths, clock=self.clock))

    def check_installations_and_events(self) -> None:
        with self.open() as store:
            found = store.installations.page()
            assert not found.unreadable
            assert sorted(map(_comparable, found.installations), key=_order) == sorted(
                self.expected["store"]["installations"], key=_order
            )
            events = list(store.event_admin.all())
            assert {event.event_id for event in events if isinstance(event, StoredEvent)} == {
                event["event_id"] for event in self.expected["store"]["events"]
            }


def _comparable(installation: Installation) -> dict[str, Any]:
    fields = vars(installation)
    return {**fields, "bot_scopes": list(fields["bot_scopes"] or ()), "user_scopes": list(fields["user_scopes"] or ())}


def _order(installation: dict[str, Any]) -> tuple[str, str, str]:
    return (installation["enterprise_id"] or "", installation["team_id"] or "", installation["user_id"])


@pytest.fixture(params=FORMATS)
def fixture(request: pytest.FixtureRequest) -> Path:
    path: Path = FIXTURES / request.param
    return path


@pytest.fixture
def earlier(fixture: Path, tmp_path: Path) -> Callable[[str], EarlierStore]:
    return lambda name: EarlierStore(fixture, name, tmp_path)


@pytest.mark.parametrize("name", ["store", "rotated"])
def test_every_record_and_every_key_is_read(earlier: Callable[[str], EarlierStore], name: str) -> None:
    it = earlier(name)
    expected = it.expected[name]
    with it.open() as store:
        assert [list(entry) for entry in store.keys.entries()] == [
            [key["key_id"], key["made_at"], key["retired_at"]] for key in expected["keys_in_file_order"]
        ]
        use = store.keys.use()
        assert {table: use[table] for table in expected["records_by_key"]} == expected["records_by_key"]
    verified = run_json(it.folder, "keys", "verify")
    assert (verified["ok"], verified["checked"]) == (True, expected["records_verified"])
    it.check_installations_and_events()


def test_installations_are_found_saved_and_removed(earlier: Callable[[str], EarlierStore]) -> None:
    it = earlier("store")
    with it.open() as store:
        for saved in it.expected["store"]["installations"]:
            ids = {name: saved[name] for name in ("enterprise_id", "team_id", "is_enterprise_install")}
            found = store.installations.find_installation(**ids, user_id=saved["user_id"])
            bot = store.installations.find_bot(**ids)
            assert found is not None
            assert bot is not None
            assert (found.bot_token, found.user_token) == (saved["bot_token"], saved["user_token"])
            assert bot.bot_token == saved["bot_token"]
        latest = store.installations.find_installation(enterprise_id=None, team_id="T0FIXGLOBEX")
        assert latest is not None
        assert latest.user_id == "U0FIXCAROL"
        latest.bot_token = "xoxb-fixture-3"
        store.installations.save(latest)
        store.installations.save(Installation(team_id="T0NEW", user_id="U0NEW", bot_token="xoxb-new"))
        store.installations.delete_all(enterprise_id=None, team_id="T0FIXACME")
    with it.open() as store:
        found = store.installations.page()
        assert {(item.team_id, item.user_id, item.bot_token) for item in found.installations} == {
            ("T0FIXGLOBEX", "U0FIXBOB", "xoxb-fixture-3"),
            ("T0FIXGLOBEX", "U0FIXCAROL", "xoxb-fixture-3"),
            ("T0NEW", "U0NEW", "xoxb-new"),
            (None, "U0FIXOWNER", "xoxb-fixture-org-bot"),
        }


def test_an_oauth_state_is_valid_once(earlier: Callable[[str], EarlierStore]) -> None:
    it = earlier("store")
    with it.open() as store:
        state = it.expected["store"]["pending_state"]
        assert store.states.consume(state)
        assert not store.states.consume(state)


def test_events_keep_their_status_and_their_content(earlier: Callable[[str], EarlierStore]) -> None:
    it = earlier("store")
    with it.open() as store:
        events = {event.event_id: event for event in store.event_admin.all() if isinstance(event, StoredEvent)}
    for expected in it.expected["store"]["events"]:
        event = events.pop(expected["event_id"])
        assert event.status == STATUSES.get(expected["status_then"], expected["status_then"])
        assert event.body == expected["body"].encode()
        for name in ("received_at", "request_id", "retry_num", "attempts", "listeners", "error"):
            assert getattr(event, name) == expected[name], name
        if event.status != "waiting":
            assert event.due_at == expected["due_at"]
    assert not events
    listed = run_json(it.folder, "events", "list")["events"]
    assert len(listed) == len(it.expected["store"]["events"])


def test_events_are_recovered_and_replayed(earlier: Callable[[str], EarlierStore]) -> None:
    it = earlier("store")
    with it.open() as store:
        recovered = {event.event_id for event in store.inbox.recover()}
        replayed = {event.event_id for event in store.inbox.take_replays()}
        assert store.event_admin.replay("EvFIXASIDEOLD")
        assert store.event_admin.drop("EvFIXASIDENEW")
        replayed |= {event.event_id for event in store.inbox.take_replays()}
    by_status: dict[str, set[str]] = {}
    for event in it.expected["store"]["events"]:
        by_status.setdefault(event["status_then"], set()).add(event["event_id"])
    assert recovered == by_status["waiting"] | by_status["retrying"]
    assert replayed == by_status["again"] | {"EvFIXASIDEOLD"}


def test_a_copy_of_a_seen_event_is_recognized(earlier: Callable[[str], EarlierStore]) -> None:
    it = earlier("store")
    with it.open() as store:
        copies = [
            StoredEvent(event_id, it.clock(), f"req-{event_id}", 1, b"{}", int(came_at))
            for event_id, came_at in it.expected["store"]["remembered_events"].items()
        ]
        new = StoredEvent("EvNEW", it.clock(), "req-new", None, b"{}", int(it.clock()))
        known = store.inbox.commit([*copies, new])
    assert known == {copy.event_id for copy in copies}


@pytest.mark.parametrize("name", ["store", "rotated"])
def test_keys_are_rotated(earlier: Callable[[str], EarlierStore], name: str) -> None:
    it = earlier(name)
    before = [key["key_id"] for key in it.expected[name]["keys_in_file_order"]]
    assert run_json(it.folder, "keys", "add")["key_id"] not in before
    rotated = run_json(it.folder, "keys", "rotate", "--yes", "--no-backup")
    assert rotated["ok"]
    with it.open() as store:
        used = {key_id for counts in store.keys.use().values() for key_id in counts if key_id}
    assert used == {rotated["key_id"]}
    it.check_installations_and_events()


def test_a_backup_is_restored(fixture: Path, earlier: Callable[[str], EarlierStore]) -> None:
    it = earlier("store")
    shutil.copytree(fixture / "backups", it.folder / "backups")
    it.paths[0].unlink()
    restored = run_json(it.folder, "restore", "--yes", "--offline", "--keep-events")
    assert restored["backup"]["records"] == it.expected["backup"]["records"]
    it.check_installations_and_events()


@pytest.mark.parametrize("name", ["damaged-format", "damaged-format-empty"])
def test_a_damaged_format_record_is_reported_as_damage(earlier: Callable[[str], EarlierStore], name: str) -> None:
    it = earlier(name)
    with pytest.raises(StoreUnavailable, match="its format record") as caught:
        it.open()
    assert caught.value.reason == "damaged"
    assert caught.value.hint == "restore a backup"
    assert run(it.folder, "keys", "status").returncode == 1
