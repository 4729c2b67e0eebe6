"""`latchkey storage`: copies the store into a database and back, and upgrades the schema."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.storage import open_store
from tests.storage.conformance.installations.models import installation
from tests.support.command_line import run, run_json
from tests.support.database.postgresql import DatabaseLocation, Postgresql

pytestmark = pytest.mark.programs("postgres")


@pytest.fixture
def url(postgresql: Postgresql) -> Iterator[str]:
    database = postgresql.new_database()
    yield postgresql.url(database)
    postgresql.give_back(database)


@pytest.fixture(autouse=True)
def filled(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring")) as store:
        for number in range(5):
            store.installations.save(installation(team_id=f"T{number}"))


def test_a_store_is_moved_into_a_database_and_is_served_from_there(tmp_path: Path, url: str) -> None:
    done = run(tmp_path, "storage", "copy", "--to", url)
    assert done.returncode == 0, done.stderr
    assert "15 records written, 0 deleted in postgresql://" in done.stdout
    assert "servers refuse to start on the old store" in done.stdout
    done = run(tmp_path, "installs", "list", LATCHKEY_STORAGE_URL=url)
    assert done.returncode == 0, done.stderr
    keyring = tmp_path / "keys" / "keyring"
    with closing(open_store(DatabaseLocation(url), keyring, server_address="x:1")) as store:
        assert store.installations.find_bot(enterprise_id=None, team_id="T3") is not None


def test_says_as_json_what_was_copied(tmp_path: Path, url: str) -> None:
    found = run_json(tmp_path, "storage", "copy", "--to", url)
    assert found["finished"] is True
    assert found["tables"]["bots"] == {"records": 5, "written": 5, "deleted": 0}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("postgresql://app:sentinel-password@/db?host=/tmp", "password"),
        ("mysql://app@db/app", "--to: "),
        (None, "give the target with --to, or with --to-url-in"),
    ],
)
def test_refuses_a_target_that_cannot_be_used(tmp_path: Path, target: str | None, message: str) -> None:
    done = run(tmp_path, "storage", "copy", *(["--to", target] if target else []))
    assert done.returncode == 1
    assert message in done.stderr
    assert "sentinel" not in done.stdout + done.stderr


def test_a_url_with_a_password_comes_from_a_file(tmp_path: Path, url: str) -> None:
    path = tmp_path / "url"
    path.write_text(url.replace("postgres@", "postgres:sentinel-password@") + "\n")
    done = run(tmp_path, "storage", "copy", "--to-url-in", str(path))
    assert done.returncode == 0, done.stderr
    assert "sentinel" not in done.stdout + done.stderr


def test_the_schema_is_created_once(tmp_path: Path, url: str) -> None:
    for output in ("applied 0001_tables\n", "the schema is up to date\n"):
        done = run(tmp_path, "storage", "migrate", LATCHKEY_STORAGE_URL=url)
        assert (done.returncode, done.stdout) == (0, output), done.stderr


def test_a_file_has_no_schema(tmp_path: Path) -> None:
    done = run(tmp_path, "storage", "migrate")
    assert done.returncode == 1
    assert "has no schema" in done.stderr


def test_a_store_in_a_database_is_backed_up_and_restored(tmp_path: Path, url: str) -> None:
    assert run(tmp_path, "storage", "copy", "--to", url).returncode == 0
    done = run(tmp_path, "backup", LATCHKEY_STORAGE_URL=url)
    assert done.returncode == 0, done.stderr
    keyring = tmp_path / "keys" / "keyring"
    with closing(open_store(DatabaseLocation(url), keyring)) as store:
        store.installations.delete_all(enterprise_id=None, team_id="T3")
    done = run(tmp_path, "restore", "--dry-run", LATCHKEY_STORAGE_URL=url)
    assert done.returncode == 0, done.stderr
    assert "T3" in done.stdout
    done = run(tmp_path, "restore", "--yes", "--offline", LATCHKEY_STORAGE_URL=url)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "backups").glob("2*"))) == 2, "what was there has a backup"
    with closing(open_store(DatabaseLocation(url), keyring)) as store:
        assert store.installations.find_bot(enterprise_id=None, team_id="T3") is not None
