"""A rotation while the server runs: no request fails, and no old ciphertext is left."""

import asyncio
import json
import re
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from latchkey.storage import open_for_command, open_store
from latchkey.storage.crypto.keyring import read_keyring
from latchkey.storage.crypto.sealing import PREFIX_LENGTH
from latchkey.storage.engine.sqlite.processes import open_processes
from latchkey.storage.rotation import rotate as rotation
from tests.support.command_line import impatient
from tests.support.load.rotation_load import TEAMS, command, tables, writers
from tests.support.running import running

PIECE = 24
"""Bytes; any run of old ciphertext of twice this length contains a whole piece."""


def pieces_left(ciphertexts: dict[str, bytes], store: Path) -> int:
    """Return how many pieces of these ciphertexts are anywhere in the store's files."""
    # A ciphertext begins with its version and time, which are similar in all of them.
    tokens = [value[PREFIX_LENGTH + 16 :] for value in ciphertexts.values()]
    pieces = {token[at : at + PIECE] for token in tokens for at in range(0, len(token) - PIECE, PIECE)}
    files = b"".join(path.read_bytes() for path in store.parent.iterdir() if path.is_file())
    return sum(files[at : at + PIECE] in pieces for at in range(len(files) - PIECE))


@pytest.mark.gen_test(timeout=60)
async def test_a_rotation_during_writes_loses_nothing_and_leaves_no_old_ciphertext(tmp_path: Path) -> None:
    async with writers(tmp_path, kept=500) as beside:
        before = tables(beside.store)
        assert await asyncio.to_thread(pieces_left, before, beside.store), "the search finds existing ciphertext"
        old = read_keyring(beside.keyring).key_ids[0]
        began = beside.app.turn
        rotating = await command(tmp_path, "keys", "rotate", "--yes", "--no-backup", "--json")
        printed, complained = await rotating.communicate()
        assert rotating.returncode == 0, complained
        rotated = json.loads(printed)
        assert rotated["retired"] == [old]
        assert beside.app.turn > began + 20
        await asyncio.to_thread(beside.check)
        assert await asyncio.to_thread(beside.stale) == 0
        assert all(opener.key_ids == (rotated["key_id"], old) for opener in open_processes(beside.store))
        assert not await asyncio.to_thread(pieces_left, before, beside.store), "old ciphertext is left"

        retiring = await command(tmp_path, "keys", "retire", old, "--yes")
        _, complained = await retiring.communicate()
        assert retiring.returncode == 0, complained
        began = beside.app.turn
        await asyncio.sleep(1)
        assert beside.app.turn > began
        await asyncio.to_thread(beside.check)
        assert all(opener.key_ids == (rotated["key_id"],) for opener in open_processes(beside.store))
    assert set(beside.load.statuses) == {200}
    print(f"re-encrypted {rotated['reencrypted']}, conflicts {rotated['conflicts']}, in {rotated['seconds']} s")


@pytest.mark.gen_test(timeout=60)
async def test_many_rotations_undo_no_concurrent_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough rotations that app and rotation write between each other's reads and writes."""
    monkeypatch.setattr(rotation, "SETTLE_SECONDS", 0.0)
    async with writers(tmp_path, kept=10) as beside:
        while beside.app.turn < 2 * TEAMS:  # from then on it overwrites and deletes existing records
            await asyncio.sleep(0.05)
        rotations = conflicts = 0
        with closing(open_store(beside.store, beside.keyring)) as store:
            while rotations < 3 or (rotations < 20 and not conflicts):
                rotated = await asyncio.to_thread(store.keys.rotate)
                assert not rotated.verified.unreadable
                rotations, conflicts = rotations + 1, conflicts + rotated.conflicts
                await asyncio.to_thread(beside.check)
        assert conflicts, "no write was concurrent"
        print(f"{rotations} rotations, {beside.app.turn} writes, {conflicts} conflicts, 0 lost, 0 back")


@pytest.mark.gen_test(timeout=60)
async def test_the_second_of_two_concurrent_rotations_exits_with_4(tmp_path: Path) -> None:
    async with writers(tmp_path, kept=200) as beside:
        runs = [await command(tmp_path, "keys", "rotate", "--yes") for _ in range(2)]
        complaints = [(await each.communicate())[1].decode() for each in runs]
        assert sorted(each.returncode or 0 for each in runs) == [0, 4], complaints
        assert len(read_keyring(beside.keyring).keys) == 2
        await asyncio.to_thread(beside.check)


@pytest.mark.gen_test(timeout=60)
async def test_a_server_picks_up_a_new_key_without_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        adding = await command(tmp_path, "keys", "add", "--json")
        printed, complained = await adding.communicate()
        assert adding.returncode == 0, complained
        added = json.loads(printed)["key_id"]
        assert await it.install("T0ACME") == 200
        with closing(open_for_command(it.store, tmp_path / "keys" / "keyring")) as store:
            use = store.keys.use()
        assert use["bots"] == use["installations"] == {added: 1}
        assert f"primary key {added}" in it.server.log.read_text()
        assert await it.status("/readyz") == 200


@pytest.mark.gen_test(timeout=60)
async def test_a_server_with_a_copy_of_the_keyring_uses_the_new_key_after_a_restart(tmp_path: Path) -> None:
    """As under systemd, which gives the server a new copy of a credential at each start."""
    async with running(tmp_path) as it:
        assert await it.install("T0ACME") == 200
        assert await it.server.stop() == 0
    original, copy = tmp_path / "keys" / "keyring", tmp_path / "credential"

    def copy_keyring() -> None:
        copy.unlink(missing_ok=True)
        copy.touch(mode=0o600)
        copy.write_bytes(original.read_bytes())

    copy_keyring()
    async with running(tmp_path, environment={"LATCHKEY_STORAGE_KEYRING": "credential"}) as it:
        before = tables(it.store)
        rotating = await command(tmp_path, "keys", "rotate", "--yes", program=impatient())
        _, complained = await rotating.communicate()
        assert rotating.returncode == 1
        assert f"pid {it.server.pid}" in complained.decode()
        assert tables(it.store) == before
        assert await it.status("/readyz") == 200
        assert await it.server.stop() == 0
        copy_keyring()
        await it.server.start(it.slack)
        rotating = await command(tmp_path, "keys", "rotate", "--yes", "--no-backup", "--json", program=impatient())
        printed, complained = await rotating.communicate()
        assert rotating.returncode == 0, complained
        assert json.loads(printed)["new_key"] is False
        assert await it.install("T0ACME") == 200


@pytest.mark.gen_test(timeout=60)
async def test_a_server_without_one_of_the_keys_is_degraded_and_serves_other_records(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        assert await it.install("T0ACME") == 200
        assert (await it.browser.get(it.server.url + "/readyz")).body == b"ready\n"
        assert await it.server.stop() == 0
        keyring = tmp_path / "keys" / "keyring"
        lost = read_keyring(keyring).primary_key
        keyring.write_bytes(Fernet.generate_key() + b"\n" + lost.reveal())
        with closing(open_store(it.store, keyring)) as store:
            store.states.issue()
        keyring.write_bytes(keyring.read_bytes().partition(b"\n")[0])
        await it.server.start(it.slack)
        response = await it.browser.get(it.server.url + "/readyz")
        assert (response.code, response.body) == (200, b"degraded\n")
        assert lost.key_id not in response.body.decode()
        assert lost.key_id in it.server.log.read_text()
        assert lost.reveal().decode() not in it.server.log.read_text()
        assert await it.status("/slack/install") == 200
        limits = Path(f"/proc/{it.server.pid}/limits").read_text()
        assert re.search(r"Max core file size +0 +0 ", limits)
