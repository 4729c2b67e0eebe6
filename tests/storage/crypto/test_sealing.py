"""Sealed records: only what was sealed under a name opens under that name."""

import base64
import json
from itertools import permutations

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from latchkey.errors import UnreadableRecord
from latchkey.storage.crypto.keyring import Key, Keyring, key_id
from latchkey.storage.crypto.sealing import PREFIX_LENGTH, Sealer, key_id_of


def keyring(*materials: bytes) -> Keyring:
    return Keyring(tuple(Key(key_id(material), material) for material in materials))


OLD, NEW = Fernet.generate_key(), Fernet.generate_key()
SEALER = Sealer(keyring(NEW, OLD))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)
names = st.text(st.characters(exclude_categories=["Cs"]))


@given(table=names, record_id=names, value=json_values)
def test_opens_what_it_sealed(table: str, record_id: str, value: object) -> None:
    assert SEALER.open(table, record_id, SEALER.seal(table, record_id, value)) == value


@given(table=names, record_id=names, other_table=names, other_id=names)
def test_refuses_a_record_moved_to_another_table_or_id(
    table: str, record_id: str, other_table: str, other_id: str
) -> None:
    sealed = SEALER.seal(table, record_id, "token")
    if (table, record_id) != (other_table, other_id):
        with pytest.raises(UnreadableRecord, match="another table or id"):
            SEALER.open(other_table, other_id, sealed)


def test_refuses_every_pair_of_swapped_rows() -> None:
    sealed = {f"T{number}": SEALER.seal("bots", f"T{number}", number) for number in range(50)}
    for one, other in permutations(sealed, 2):
        with pytest.raises(UnreadableRecord):
            SEALER.open("bots", one, sealed[other])


def test_refuses_every_flipped_bit() -> None:
    sealed = SEALER.seal("bots", "T1", {"bot_token": "x"})
    for position in range(len(sealed)):
        for bit in range(8):
            changed = bytearray(sealed)
            changed[position] ^= 1 << bit
            # base64 has spare bits before its padding: a spelling that decodes to the same bytes is the same token.
            if _same_token(bytes(changed), sealed):
                continue
            with pytest.raises(UnreadableRecord):
                SEALER.open("bots", "T1", bytes(changed))


def _same_token(changed: bytes, sealed: bytes) -> bool:
    if changed[:PREFIX_LENGTH] != sealed[:PREFIX_LENGTH]:
        return False
    try:
        return base64.urlsafe_b64decode(changed[PREFIX_LENGTH:]) == base64.urlsafe_b64decode(sealed[PREFIX_LENGTH:])
    except ValueError:
        return False


@pytest.mark.parametrize("length", [0, 1, 3, PREFIX_LENGTH - 1, PREFIX_LENGTH, PREFIX_LENGTH + 1, 60])
def test_refuses_a_truncated_record(length: int) -> None:
    with pytest.raises(UnreadableRecord):
        SEALER.open("bots", "T1", SEALER.seal("bots", "T1", "x")[:length])


def test_primary_key_seals_and_every_key_opens() -> None:
    before = Sealer(keyring(OLD)).seal("bots", "T1", "old")
    assert key_id_of(SEALER.seal("bots", "T1", "new")) == key_id(NEW)
    assert key_id_of(before) == key_id(OLD)
    assert SEALER.open("bots", "T1", before) == "old"


def test_missing_key_is_named_by_its_id() -> None:
    with pytest.raises(UnreadableRecord) as caught:
        Sealer(keyring(NEW)).open("bots", "T1", Sealer(keyring(OLD)).seal("bots", "T1", "old"))
    assert caught.value.key_id == key_id(OLD)
    assert OLD.decode() not in str(caught.value)


def test_refuses_another_keys_ciphertext_under_a_known_key_id() -> None:
    forged = SEALER.seal("bots", "T1", "x")[:PREFIX_LENGTH] + Fernet(OLD).encrypt(
        json.dumps(["bots", "T1", "y"]).encode()
    )
    with pytest.raises(UnreadableRecord):
        SEALER.open("bots", "T1", forged)


@given(st.binary(max_size=200))
def test_refuses_bytes_that_are_not_a_sealed_record(anything: bytes) -> None:
    with pytest.raises(UnreadableRecord):
        SEALER.open("bots", "T1", anything)


@given(st.text(max_size=100))
def test_refuses_sealed_json_of_another_shape(text: str) -> None:
    """Something else may have been encrypted with the same key."""
    foreign = SEALER.seal("bots", "T1", "x")[:PREFIX_LENGTH] + Fernet(NEW).encrypt(text.encode("utf-8", "replace"))
    with pytest.raises(UnreadableRecord):
        SEALER.open("bots", "T1", foreign)
