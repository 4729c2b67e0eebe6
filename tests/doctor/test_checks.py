"""Each problem is found by its code, and a finding contains no secret."""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from slack_sdk.oauth.installation_store import Installation

from latchkey.doctor import PROBLEMS, check_store
from latchkey.storage import (
    Attempt,
    Outcome,
    StoredEvent,
    TokenId,
    TokenPair,
    WorkspaceKey,
    has_wal_reset_bug,
    open_store,
    read_keyring,
)
from latchkey.storage.crypto.keyring_file import KeyringFile
from latchkey.storage.engine.sqlite.processes import FilePresence
from tests.doctor.conftest import PROJECT, Home
from tests.support.command_line import SECRET_MARK, SIGNING_SECRET

SERVER_IS_DOWN = {"server-down"}


def test_a_working_installation_has_no_findings_except_the_stopped_server(home: Home) -> None:
    assert home.codes() == SERVER_IS_DOWN


def config_invalid(home: Home) -> None:
    home.config.write_text("[log]\nlevel = 'loud'\n")


def config_permissions(home: Home) -> None:
    home.config.chmod(0o666)


def slack_not_configured(home: Home) -> None:
    del home.environ["SLACK_CLIENT_SECRET"]


def public_url_unset(home: Home) -> None:
    del home.environ["LATCHKEY_SERVER_PUBLIC_URL"]


def secret_permissions(home: Home) -> None:
    file = home.folder / "signing_secret"
    file.write_text(SIGNING_SECRET)
    file.chmod(0o644)
    home.environ["SLACK_SIGNING_SECRET_FILE"] = str(file)


def listeners_failed(home: Home) -> None:
    home.environ["LATCHKEY_LISTENERS_MODULES"] = "no_such_module_of_the_doctor"


def store_missing(home: Home) -> None:
    home.environ["LATCHKEY_STORAGE_PATH"] = "elsewhere/store.sqlite"


def store_refused(home: Home) -> None:
    home.store.write_text("not a database")


def store_damaged(home: Home) -> None:
    with open(home.store, "r+b") as file:
        file.seek(8192)
        file.write(b"\xa5" * (home.store.stat().st_size - 8192))


def store_permissions(home: Home) -> None:
    home.store.chmod(0o644)


def store_beside_keyring(home: Home) -> None:
    beside = home.store.with_name("keyring")
    shutil.copy2(home.keyring, beside)
    home.environ["LATCHKEY_STORAGE_KEYRING"] = str(beside)


def keyring_unusable(home: Home) -> None:
    home.keyring.chmod(0o644)


def keys_missing(home: Home) -> None:
    with home.opened() as store:
        store.keys.add()
        store.states.issue()
    file = KeyringFile(home.keyring)
    file.drop(file.entries[1].key_id)


def wrong_keyring(home: Home) -> None:
    other = Home(home.folder / "other")
    with other.opened():
        pass
    shutil.copy2(other.keyring, home.keyring)


def records_unreadable(home: Home) -> None:
    with closing(sqlite3.connect(home.store)) as other:
        other.execute("UPDATE bots SET key = '/TOTHER'")
        other.commit()


def rotation_unfinished(home: Home) -> None:
    with home.opened() as store:
        store.keys.add()


def key_old(home: Home) -> None:
    home.ahead = 400 * 86400
    home.back_up()


def backup_missing(home: Home) -> None:
    shutil.rmtree(home.folder / "backups")


def backup_old(home: Home) -> None:
    home.ahead = 4 * 86400


def backup_damaged(home: Home) -> None:
    copy = home.back_up() / "store.sqlite"
    copy.write_bytes(copy.read_bytes()[:-1] + b"x")


def backup_keys_missing(home: Home) -> None:
    with home.opened() as store:
        old = store.keys.rotate().retired[0]
    KeyringFile(home.keyring).drop(old)


def an_event(received_at: float) -> StoredEvent:
    return StoredEvent("Ev1", received_at, "request-1", None, b'{"type":"event_callback","event":{"type":"x"}}')


def events_failed(home: Home) -> None:
    with home.opened() as store:
        store.inbox.commit(outcomes=[Outcome.failed(an_event(time.time()), attempts=5, now=0.0)])


def events_late(home: Home) -> None:
    with home.opened() as store:
        store.inbox.commit([an_event(time.time() - 3600)])


def inbox_nearly_full(home: Home) -> None:
    home.environ["LATCHKEY_EVENTS_INBOX_EVENTS"] = "1"
    with home.opened() as store:
        store.inbox.commit([an_event(time.time())])


def must_reinstall(home: Home) -> None:
    with home.opened() as store:
        pair = TokenPair("xoxe.xoxb-1", "xoxe-1", 1_800_000_000)
        store.installations.save(
            Installation(
                app_id="A1",
                team_id="T9",
                user_id="U1",
                bot_token=pair.access_token,
                bot_refresh_token=pair.refresh_token,
                bot_token_expires_at=pair.expires_at,
                bot_scopes=["app_mentions:read", "chat:write", "commands"],
            )
        )
        token_id = TokenId(WorkspaceKey("", "T9"))
        attempt = store.tokens.begin(token_id, pair, 1_800_000_000)
        assert isinstance(attempt, Attempt)
        assert store.tokens.mark(attempt, "invalid_refresh_token", now=1_800_000_000)
    home.back_up()


def scopes_missing(home: Home) -> None:
    home.environ["LATCHKEY_SLACK_SCOPES"] = "chat:write,commands,app_mentions:read,users:read"


def wal_large(home: Home) -> None:
    home.store.with_name("store.sqlite-wal").touch(mode=0o600)
    with open(home.store.with_name("store.sqlite-wal"), "r+b") as file:
        file.truncate(check_store.MAX_WAL_BYTES + 1)


class Case(NamedTuple):
    fault: Callable[[Home], None]
    code: str
    others: frozenset[str] = frozenset()
    """Further codes that the same fault causes."""


CASES = [
    Case(config_invalid, "config-invalid"),
    Case(config_permissions, "config-permissions"),
    Case(slack_not_configured, "slack-not-configured"),
    Case(public_url_unset, "public-url-unset"),
    Case(secret_permissions, "secret-permissions"),
    Case(listeners_failed, "listeners-failed"),
    Case(store_missing, "store-missing"),
    Case(store_refused, "store-refused"),
    Case(store_damaged, "store-damaged"),
    Case(store_permissions, "store-permissions"),
    Case(store_beside_keyring, "store-beside-keyring"),
    Case(keyring_unusable, "keyring-unusable"),
    Case(keys_missing, "keys-missing", frozenset({"backup-keys-missing"})),
    Case(wrong_keyring, "keys-missing", frozenset({"backup-keys-missing"})),
    Case(records_unreadable, "records-unreadable"),
    Case(rotation_unfinished, "rotation-unfinished"),
    Case(key_old, "key-old", frozenset({"backup-old"})),
    Case(backup_missing, "backup-missing"),
    Case(backup_old, "backup-old"),
    Case(backup_damaged, "backup-damaged"),
    Case(backup_keys_missing, "backup-keys-missing"),
    Case(events_failed, "events-failed"),
    Case(events_late, "events-late"),
    Case(inbox_nearly_full, "inbox-nearly-full"),
    Case(scopes_missing, "scopes-missing"),
    Case(must_reinstall, "must-reinstall"),
    Case(wal_large, "wal-large"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.fault.__name__)
def test_finds_exactly_the_problems_that_the_fault_causes(home: Home, case: Case) -> None:
    case.fault(home)
    found = home.findings()
    codes = {item.code for item in found} - SERVER_IS_DOWN
    assert codes == {case.code} | case.others
    said = " ".join(f"{item.message} {item.fix}" for item in found)
    assert SECRET_MARK not in said
    assert "xoxb" not in said


def test_names_workspaces_that_lack_a_configured_scope_and_no_optional_one(home: Home) -> None:
    home.environ["LATCHKEY_SLACK_OPTIONAL_SCOPES"] = "pins:write"
    assert "scopes-missing" not in {item.code for item in home.findings()}
    scopes_missing(home)
    [found] = [item for item in home.findings() if item.code == "scopes-missing"]
    assert "lacks users:read" in found.message
    assert "pins:write" not in found.message


@pytest.mark.parametrize(("free", "code"), [(10 << 20, "disk-full"), (500 << 20, "disk-nearly-full")])
def test_reports_low_disk_space(home: Home, monkeypatch: pytest.MonkeyPatch, free: int, code: str) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(check_store.shutil, "disk_usage", lambda path: Usage(free))
    assert home.codes() == SERVER_IS_DOWN | {code}


def test_reports_a_file_owned_by_another_user(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = Path.stat

    def as_another(path: Path, **arguments: bool):  # type: ignore[no-untyped-def]
        status = stat(path, **arguments)
        if path != home.store:
            return status
        return type(status)((*status[:4], status.st_uid + 1, *status[5:]))

    monkeypatch.setattr(Path, "stat", as_another)
    assert "store-owner" in home.codes()


def test_reports_a_process_that_encrypts_with_an_old_key(home: Home) -> None:
    copy = home.folder / "copy"
    shutil.copy2(home.keyring, copy)
    mark = FilePresence(home.store)
    mark.publish(["0123456789abcdef"])
    with closing(open_store(home.store, copy)):
        # The doctor ignores its own process, so the file is made to name another process id.
        files = home.store.with_name("store.sqlite.open").iterdir()
        [file] = [path for path in files if b"0123456789abcdef" in path.read_bytes()]
        file.write_bytes(file.read_bytes().replace(str(os.getpid()).encode(), b"1"))
        assert "old-key-in-use" in home.codes()
    mark.close()


def test_reports_a_process_that_does_not_take_the_write_lock(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = FilePresence(home.store)
    mark.publish(read_keyring(home.keyring).key_ids)
    [file] = home.store.with_name("store.sqlite.open").iterdir()
    file.write_bytes(file.read_bytes().replace(b',"takes_write_lock":true', b""))
    for version, affected in (((3, 40, 1), True), ((3, 51, 3), False)):
        monkeypatch.setattr(check_store, "has_wal_reset_bug", partial(has_wal_reset_bug, version))
        assert ("commits-unprotected" in home.codes()) == affected
    mark.close()


def test_every_code_has_a_cause_and_a_fix() -> None:
    for problem in PROBLEMS:
        assert problem.cause.endswith("."), problem.code
        assert problem.fix, problem.code


def test_every_code_means_one_problem() -> None:
    assert len({problem.code for problem in PROBLEMS}) == len(PROBLEMS)


def test_docs_list_every_code_with_its_cause_and_fix() -> None:
    text = (PROJECT / "docs" / "doctor.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{p.code}` | {p.severity} | {p.cause} | {p.fix} |" for p in PROBLEMS]
