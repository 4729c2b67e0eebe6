"""A server that root starts for another user's store runs as that user, with no way back."""

import os
from pathlib import Path

import pytest

from tests.support.running import running
from tests.support.stores import FOREIGN, foreign_store, owners

pytestmark = pytest.mark.root


@pytest.mark.gen_test(timeout=60)
async def test_first_start_creates_the_store_as_its_owner_and_the_keyring_as_root(public_folder: Path) -> None:
    data, keys = public_folder / "data", public_folder / "keys"
    for folder, owner in ((data, FOREIGN), (keys, (0, FOREIGN[1]))):
        folder.mkdir(mode=0o750)
        os.chown(folder, *owner)
    async with running(public_folder) as it:
        assert await it.status("/slack/install") == 200
        assert owners(data) == {FOREIGN}
        assert (keys / "keyring").stat().st_uid == 0


@pytest.mark.gen_test(timeout=60)
async def test_server_becomes_the_owner_of_its_store(public_folder: Path) -> None:
    paths = foreign_store(public_folder, "T1")
    async with running(public_folder) as it:
        assert await it.status("/readyz") == 200
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{it.server.pid}/status").read_text().splitlines())
        assert set(status["Uid"].split()) == {str(FOREIGN[0])}
        assert set(status["Gid"].split()) == {str(FOREIGN[1])}
        assert int(status["CapPrm"], 16) == 0
        assert owners(paths[0].parent) == {FOREIGN}
