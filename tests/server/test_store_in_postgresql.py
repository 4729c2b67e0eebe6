"""`[storage] url`: the server and the commands use the database, and no file of a store."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.command_line import SECRET_MARK, run
from tests.support.database.postgresql import Postgresql
from tests.support.running import running


@pytest.mark.programs("postgres")
@pytest.mark.gen_test(timeout=60)
async def test_server_and_commands_use_the_database(tmp_path: Path, postgresql: Postgresql) -> None:
    database = postgresql.new_database()
    # The database asks for no password, so that any is right.
    url = postgresql.url(database).replace("@", f":{SECRET_MARK}-password@") + "&application_name=ours"
    environment = {"LATCHKEY_STORAGE_URL": url, "LATCHKEY_STORAGE_CONNECTIONS": "3"}
    async with running(tmp_path, environment=environment) as it:
        assert await it.install() == 200
        listed = await asyncio.to_thread(run, tmp_path, "installs", "list", **environment)
        assert "T0ACME" in listed.stdout
        done = await asyncio.to_thread(run, tmp_path, "doctor", "--offline", **environment)
        shown = f"postgresql://{postgresql.folder}/{database}"
        assert "store-" not in done.stdout
        assert "database-refused" not in done.stdout
        names = postgresql.sql(f"SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = '{database}'")
        assert "ours" in names.splitlines()
        written = it.server.log.read_text() + done.stdout + done.stderr
    assert f"a new, empty store was created in {shown}" in written
    assert SECRET_MARK not in written
    assert not (tmp_path / "data").exists()
    postgresql.give_back(database)
