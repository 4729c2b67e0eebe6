"""A closed copy of the store's file opens with sqlitedict."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from slack_sdk.oauth.installation_store import Bot
from sqlitedict import SqliteDict

from latchkey.storage import open_store
from latchkey.storage.crypto import Sealer, read_keyring
from latchkey.storage.tables import TABLES


def test_sqlitedict_reads_the_records_of_a_closed_copy(paths: tuple[Path, Path], tmp_path: Path) -> None:
    with closing(open_store(*paths)) as store:
        for number in range(3):
            store.installations.save_bot(
                Bot(team_id=f"T{number}", bot_token=f"token-{number}", bot_id="B", bot_user_id="U", installed_at=1.0)
            )
    copy = tmp_path / "copy.sqlite"
    shutil.copyfile(paths[0], copy)
    with closing(sqlite3.connect(copy)) as connection:
        stored = dict(connection.execute("SELECT key, value FROM bots"))
    with SqliteDict(
        str(copy), tablename="bots", flag="r", journal_mode="WAL", encode=bytes, decode=bytes
    ) as bots:  # its default decoder is pickle
        assert dict(bots) == stored
        sealer = Sealer(read_keyring(paths[1]))
        values = {record_id: sealer.open("bots", record_id, bots[record_id]) for record_id in bots}
    assert {value["bot_token"] for value in values.values()} == {"token-0", "token-1", "token-2"}
    assert set(SqliteDict.get_tablenames(str(copy))) == set(TABLES)


def test_tables_have_the_layout_that_sqlitedict_creates(paths: tuple[Path, Path], tmp_path: Path) -> None:
    open_store(*paths).close()
    other = tmp_path / "other.sqlite"
    SqliteDict(str(other), tablename="bots").close()
    query = "SELECT sql FROM sqlite_master WHERE name = 'bots'"
    with closing(sqlite3.connect(paths[0])) as ours, closing(sqlite3.connect(other)) as theirs:
        assert ours.execute(query).fetchone() == theirs.execute(query).fetchone()
