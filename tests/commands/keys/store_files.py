"""The files of the store that the commands are run on."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from slack_sdk.oauth.installation_store import Installation

from latchkey.storage import Store, open_store
from latchkey.storage.crypto.keyring import read_keyring

RECORDS = 3 * 5 + 1


def paths(folder: Path) -> tuple[Path, Path]:
    return folder / "data" / "store.sqlite", folder / "keys" / "keyring"


def save(store: Store, team_id: str) -> None:
    store.installations.save(
        Installation(team_id=team_id, user_id="U1", bot_token=f"xoxb-sentinel-{team_id}", bot_id="B", bot_user_id="U")
    )


def key_ids(folder: Path) -> tuple[str, ...]:
    return read_keyring(paths(folder)[1]).key_ids


def contents(folder: Path) -> dict[str, bytes]:
    """Return the content of the keyring and of every table."""
    store, keyring = paths(folder)
    with closing(sqlite3.connect(store)) as connection:
        rows = "\n".join(connection.iterdump()).encode()
    return {"keyring": keyring.read_bytes(), "store": rows}


def spoil(folder: Path, sql: str) -> None:
    with closing(sqlite3.connect(paths(folder)[0])) as other, other:
        other.execute(sql)


@contextmanager
def with_another_keyring(folder: Path) -> Iterator[None]:
    """A process has the store open with a copy of the keyring."""
    copy = folder / "copy"
    copy.write_bytes(paths(folder)[1].read_bytes())
    copy.chmod(0o600)
    with closing(open_store(paths(folder)[0], copy)):
        yield
