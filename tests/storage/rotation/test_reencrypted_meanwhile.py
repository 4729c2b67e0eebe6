"""A record that a rotation re-encrypts between a read and the commit that follows it counts as unchanged."""

import pytest
from slack_sdk.oauth.installation_store import Bot

from latchkey.storage import Store
from latchkey.storage.engine.keyvalue import Swap
from latchkey.storage.rotation.verification import pages
from latchkey.storage.tables import SEALED_TABLES


def reencrypt_all(store: Store) -> None:
    engine, sealer = store.keys._engine, store.keys._sealer
    for table in SEALED_TABLES:
        for rows in pages(engine, table):
            engine.swap(table, [Swap(sealer.reencrypt(table, *row), *row) for row in rows])


def reencrypted_between(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    """Let a rotation re-encrypt every record between the next read and the commit that follows it."""
    engine, real = store.keys._engine, store.keys._engine.commit
    once = [True]

    def commit(changes: object, marks: object = None) -> bool:
        if once.pop() if once else False:
            reencrypt_all(store)
        return real(changes, marks)  # type: ignore[arg-type]

    store.keys.add()
    monkeypatch.setattr(engine, "commit", commit)


def test_state_reencrypted_meanwhile_is_consumed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    state = store.states.issue()
    reencrypted_between(monkeypatch, store)
    assert store.states.consume(state)
    assert not store.states.consume(state)


def test_installation_reencrypted_meanwhile_is_enriched(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    found = store.installations.find_installation(enterprise_id=None, team_id="T5")
    assert found is not None
    found.team_name = "told by auth.test"
    reencrypted_between(monkeypatch, store)
    store.installations.enrich(found)
    again = store.installations.find_installation(enterprise_id=None, team_id="T5")
    assert again is not None
    assert again.team_name == "told by auth.test"


def test_events_reencrypted_meanwhile_are_recovered(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    reencrypted_between(monkeypatch, store)
    assert {event.event_id for event in store.inbox.recover()} == {"Ev1", "Ev4"}


def test_event_reencrypted_meanwhile_is_replayed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    reencrypted_between(monkeypatch, store)
    assert store.event_admin.replay("Ev2")


def test_record_with_another_value_is_not_overwritten(store: Store) -> None:
    records = store._records
    read = records.read("bots", "/T1")
    assert read is not None
    store.installations.save_bot(Bot(team_id="T1", bot_token="other", bot_id="B", bot_user_id="U", installed_at=1.0))
    assert not records.commit([records.replace("bots", read, "/T1", "undone")])
    spoil_read = read._replace(sealed=b"never sealed")
    assert not records.commit([records.remove("bots", spoil_read)])
    found = store.installations.find_bot(enterprise_id=None, team_id="T1")
    assert found is not None
    assert found.bot_token == "other"
