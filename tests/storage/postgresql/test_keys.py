"""Keys of a store that servers on several machines share, each with a copy of the keyring."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.errors import KeyringError
from latchkey.storage import Store, open_for_command, open_store, read_keyring
from latchkey.storage.crypto import key_id_of
from tests.storage.conformance.installations.models import find_bot, installation
from tests.support.database.postgresql import DatabaseLocation
from tests.support.waiting import until_blocking


class Machines:
    """Two machines with a server each, and copies of the keyring."""

    def __init__(self, location: DatabaseLocation, folder: Path) -> None:
        self.location = location
        self.keyrings = [folder / "one" / "keyring", folder / "two" / "keyring"]
        self.one = self.open(0)
        self.copy_keyring()
        self.two = self.open(1)

    def open(self, machine: int) -> Store:
        return open_store(self.location, self.keyrings[machine], server_address=f"machine-{machine}:80")

    def copy_keyring(self) -> None:
        self.keyrings[1].parent.mkdir(mode=0o700, exist_ok=True)
        shutil.copy2(self.keyrings[0], self.keyrings[1])


@pytest.fixture
def it(location: DatabaseLocation, tmp_path: Path) -> Iterator[Machines]:
    machines = Machines(location, tmp_path)
    yield machines
    machines.one.close()
    machines.two.close()


def key_of_new_record(store: Store, team_id: str) -> str | None:
    store.installations.save(installation(team_id=team_id))
    sealed = store._engine.get("bots", f"/{team_id}")
    assert sealed is not None
    return key_id_of(sealed)


def test_an_added_key_encrypts_nothing_before_the_rotation(it: Machines) -> None:
    first = read_keyring(it.keyrings[0]).primary_key.key_id
    added = it.one.keys.add()
    assert [entry.key_id for entry in it.one.keys.entries()] == [first, added]
    assert key_of_new_record(it.one, "T1") == key_of_new_record(it.two, "T2") == first
    with pytest.raises(KeyringError, match=f"the key {added} was added and is not used yet"):
        it.one.keys.add()


def test_a_rotation_names_the_machines_that_lack_the_key_and_changes_nothing(it: Machines) -> None:
    first = read_keyring(it.keyrings[0]).primary_key.key_id
    added = it.one.keys.add()
    with pytest.raises(KeyringError, match=f"the key {added}: process .* on "):
        it.one.keys.rotate()
    assert key_of_new_record(it.one, "T1") == key_of_new_record(it.two, "T2") == first


def test_once_every_machine_has_the_key_a_rotation_makes_it_primary_on_all(it: Machines) -> None:
    first = read_keyring(it.keyrings[0]).primary_key.key_id
    key_of_new_record(it.two, "T1")
    added = it.one.keys.add()
    it.copy_keyring()
    result = it.one.keys.rotate()
    assert (result.key_id, result.added, result.retired) == (added, False, (first,))
    assert key_of_new_record(it.one, "T2") == key_of_new_record(it.two, "T3") == added
    assert all(find_bot(store, team_id=team) for store in (it.one, it.two) for team in ("T1", "T2", "T3"))
    assert read_keyring(it.keyrings[0]).key_ids == (added, first)
    assert read_keyring(it.keyrings[1]).key_ids == (first, added), "the copy is as it was copied"
    it.two.close()
    it.two = it.open(1)
    assert key_of_new_record(it.two, "T4") == added


def test_a_rotation_goes_on_from_another_machine(it: Machines) -> None:
    added = it.one.keys.add()
    it.copy_keyring()
    it.one.keys._presence.set_primary_key(added)  # and then the command was killed
    until_blocking(lambda: it.two.keys.entries()[0].key_id == added, seconds=10)
    with closing(open_for_command(it.location, it.keyrings[1])) as command:
        assert command.keys.rotate().key_id == added
    assert read_keyring(it.keyrings[1]).primary_key.key_id == added
    assert key_of_new_record(it.one, "T1") == added


def test_a_server_without_the_primary_key_is_refused(it: Machines) -> None:
    old = it.keyrings[1].read_bytes()
    added = it.one.keys.add()
    it.copy_keyring()
    it.one.keys.rotate()
    it.keyrings[1].write_bytes(old)
    with pytest.raises(KeyringError, match=f"lacks the key {added}"):
        it.open(1)
    bot = find_bot(it.two, team_id="T1")
    assert bot is None, "the running server keeps the keys that it has"
    assert key_of_new_record(it.two, "T1") == added


def test_a_key_is_retired_when_no_machine_needs_it(it: Machines) -> None:
    first = read_keyring(it.keyrings[0]).primary_key.key_id
    it.one.keys.add()
    it.copy_keyring()
    it.one.keys.rotate()
    it.one.keys.retire(first, {}, confirm=lambda needed: None)
    assert first not in read_keyring(it.keyrings[0]).key_ids
