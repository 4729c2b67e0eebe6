"""Checks the store's files, its keyring, every record, and the events in the inbox."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from latchkey.doctor.doctor_context import DoctorContext
from latchkey.doctor.findings import Finding, finding
from latchkey.errors import KeyringError, KeysMissing, LatchkeyError, StoreRefused, StoreUnavailable, UnreadableRecord
from latchkey.storage import (
    SQLITE_VERSION,
    CommandStore,
    EventStatus,
    StoreKeys,
    has_wal_reset_bug,
    side_files,
    wal_file,
)

DISK_FULL_BYTES = 50 << 20
DISK_NEARLY_FULL_BYTES = 1 << 30
"""Or twice the size of the store, if that is more: a backup and a restore each copy it."""
MAX_WAL_BYTES = 256 << 20
MAX_KEY_AGE_SECONDS = 366 * 86400
MAX_WAIT_SECONDS = 900
INBOX_NEARLY_FULL = 0.8
"""As a share of [events] inbox_events."""


def check_store(context: DoctorContext) -> Iterator[Finding]:
    """Check the files, then every record. Changes nothing."""
    path, keyring = context.settings.store_path, context.settings.keyring_path
    if not path.exists():
        yield finding("store-missing", f"there is no store at {path}")
        return
    files = list(_files(path, keyring))
    yield from files
    yield from _disk(path)
    if any(item.code == "store-permissions" for item in files):
        return  # a store with these permissions is never opened
    if isinstance(context.store, LatchkeyError):
        yield _store_finding(context.store)
        return
    try:
        context.store.check_pages()
        yield from _processes(context.store.keys)
        yield from _keys(context.store.keys, context)
        yield from _events(context.store, context)
    except StoreUnavailable as error:
        yield _store_finding(error)


def _store_finding(error: LatchkeyError) -> Finding:
    if isinstance(error, KeyringError):
        code = "keyring-unusable"
    elif isinstance(error, StoreRefused):
        code = "keys-missing" if isinstance(error, KeysMissing) else "store-refused"
    else:
        code = "store-damaged" if getattr(error, "reason", "") == "damaged" else "store-unavailable"
    return finding(code, str(error), error.hint)


def _files(path: Path, keyring: Path) -> Iterator[Finding]:
    owner = path.parent.stat().st_uid
    for file in (path.parent, path, *side_files(path)):
        try:
            status = file.stat()
        except FileNotFoundError:
            continue
        mode = stat.S_IMODE(status.st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            mode_needed = "700" if file == path.parent else "600"
            yield finding("store-permissions", f"{file} has mode {mode:04o}", f"chmod {mode_needed} {file}")
        if status.st_uid != owner:
            yield finding("store-owner", f"{file} belongs to uid {status.st_uid}, its folder to uid {owner}")
    if path.parent.resolve() == keyring.parent.resolve():
        yield finding("store-beside-keyring", f"{path} and {keyring} are in the same folder")


def _disk(path: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(path.parent).free
    megabytes = f"{free >> 20:,} MB free in {path.parent}"
    if free < DISK_FULL_BYTES:
        yield finding("disk-full", megabytes)
    elif free < max(DISK_NEARLY_FULL_BYTES, 2 * path.stat().st_size):
        yield finding("disk-nearly-full", megabytes)
    log = wal_file(path)
    if log.exists() and log.stat().st_size > MAX_WAL_BYTES:
        yield finding("wal-large", f"{log} is {log.stat().st_size >> 20:,} MB")


def _processes(keys: StoreKeys) -> Iterator[Finding]:
    """Look for processes that do not keep their commits apart from other processes' checkpoints."""
    unprotected = [process.pid for process in keys.processes() if not process.takes_write_lock]
    if unprotected and has_wal_reset_bug():
        pids = ", ".join(map(str, unprotected))
        yield finding("commits-unprotected", f"SQLite {SQLITE_VERSION}; pid {pids} was started by an earlier version")


def _keys(keys: StoreKeys, context: DoctorContext) -> Iterator[Finding]:
    entries = keys.entries()
    known = {entry.key_id for entry in entries}
    use = keys.use()
    missing = {key_id for counts in use.values() for key_id in counts if key_id} - known
    if missing:
        yield finding("keys-missing", f"records need key ids that are not in the keyring: {', '.join(sorted(missing))}")
    found = keys.verify(context.progress)
    for error in (error for error in found.listed if error.key_id not in missing):
        yield finding("records-unreadable", str(error))
    if found.stale or sum(entry.retired_at is None for entry in entries) > 1:
        yield finding(
            "rotation-unfinished", f"{found.stale:,} records are encrypted with an older key than {entries[0].key_id}"
        )
    made = entries[0].made_at
    if made is not None and context.clock() - made > MAX_KEY_AGE_SECONDS:
        yield finding("key-old", f"{entries[0].key_id} was made {time.strftime('%Y-%m-%d', time.gmtime(made))}")
    for opener in keys.processes():
        if opener.pid != os.getpid() and (opener.key_ids or ("",))[0] != entries[0].key_id:
            yield finding("old-key-in-use", f"process {opener.pid} does not encrypt with {entries[0].key_id}")


def _events(store: CommandStore, context: DoctorContext) -> Iterator[Finding]:
    failed = waiting = 0
    oldest = context.clock()
    for event in store.event_admin.all():
        if isinstance(event, UnreadableRecord):
            continue  # already counted by keys.verify()
        if event.status is EventStatus.FAILED:
            failed += 1
        else:
            waiting += 1
            oldest = min(oldest, event.received_at)
    if failed:
        yield finding("events-failed", f"{failed:,} events have failed")
    age = context.clock() - oldest
    if age > MAX_WAIT_SECONDS:
        yield finding("events-late", f"the oldest of {waiting:,} waiting events has waited for {age / 60:.0f} minutes")
    if waiting > INBOX_NEARLY_FULL * context.settings.events.inbox_events:
        yield finding(
            "inbox-nearly-full", f"{waiting:,} of {context.settings.events.inbox_events:,} events are waiting"
        )
