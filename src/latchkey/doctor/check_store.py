"""Checks the store's files, its keyring, and every record."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from latchkey.config import Settings
from latchkey.doctor.doctor_context import DoctorContext
from latchkey.errors import LatchkeyError, StoreUnavailable, plural
from latchkey.preflight import (
    KEYS_MISSING,
    STORE_MISSING,
    STORE_PERMISSIONS,
    Finding,
    Problem,
    check_driver,
    check_storage,
    may_exist,
    problem_of,
)
from latchkey.storage import SQLITE_VERSION, StoreKeys, has_wal_reset_bug, side_files, wal_file

DISK_FULL_BYTES = 50 << 20
DISK_NEARLY_FULL_BYTES = 1 << 30
"""Or twice the size of the store, if that is more: a backup and a restore each copy it."""
MAX_WAL_BYTES = 256 << 20
MAX_KEY_AGE_SECONDS = 366 * 86400

STORE_OWNER = Problem.error(
    "store-owner",
    cause="Files of the store have a different owner than its folder, so the server cannot write to them.",
    fix="chown them to the folder's owner.",
)
COMMITS_UNPROTECTED = Problem.warning(
    "commits-unprotected",
    cause="This SQLite can lose commits that coincide with a checkpoint in another process. Latchkey keeps the two"
    " apart, but a running process of an earlier version does not.",
    fix="Restart that process.",
)
STORE_BESIDE_KEYRING = Problem.warning(
    "store-beside-keyring",
    cause="The store and the keyring are in the same folder, so a copy of the folder contains both.",
    fix="Move the keyring to a folder that is not copied together with the store.",
)
DISK_FULL = Problem.error(
    "disk-full",
    cause="Almost no disk space is left.",
    fix="Free some space. Until then events are refused, and Slack retries them.",
)
DISK_NEARLY_FULL = Problem.warning(
    "disk-nearly-full",
    cause="Disk space is running out.",
    fix="Free some space, or keep fewer backups ([backup] keep).",
)
WAL_LARGE = Problem.warning(
    "wal-large",
    cause="A long-running read keeps the -wal file from shrinking.",
    fix="Find the process: `latchkey keys status` lists those that have the store open.",
)
RECORDS_UNREADABLE = Problem.error(
    "records-unreadable",
    cause="Records were changed after they were encrypted, or copied to another id.",
    fix="`latchkey keys verify` lists them. Restore a backup, or remove those workspaces and reinstall the app there.",
)
ROTATION_UNFINISHED = Problem.warning(
    "rotation-unfinished",
    cause="A rotation was interrupted, or a key was added and existing records still use an older one.",
    fix="`latchkey keys rotate` resumes it.",
)
OLD_KEY_IN_USE = Problem.error(
    "old-key-in-use",
    cause="A running process does not encrypt with the primary key.",
    fix="Restart it, then run `latchkey keys rotate`.",
)
KEY_OLD = Problem.warning(
    "key-old",
    cause="The primary key is more than a year old.",
    fix="Run `latchkey keys rotate`.",
)
PROBLEMS = (
    STORE_OWNER, COMMITS_UNPROTECTED, STORE_BESIDE_KEYRING, DISK_FULL, DISK_NEARLY_FULL, WAL_LARGE, RECORDS_UNREADABLE,
    ROTATION_UNFINISHED, OLD_KEY_IN_USE, KEY_OLD,
)  # fmt: skip


def check_store(context: DoctorContext) -> Iterator[Finding]:
    """Check the files, if the store is not in a database, then every record. Changes nothing."""
    settings = context.settings
    if missing := list(check_driver(context)):
        yield from missing
        return
    if not _may_exist(settings):
        refused = list(check_storage(context))
        yield from refused or [STORE_MISSING.found(f"there is no store at {settings.store_name}")]
        return
    if settings.storage_url is None:
        files = list(_files(settings.store_path, settings.keyring_path))
        yield from files
        yield from _disk(settings.store_path)
        if any(item.problem is STORE_PERMISSIONS for item in files):
            return  # a store with these permissions is never opened
    if isinstance(context.store, LatchkeyError):
        yield from problem_of(context.store, settings).refusals(context.store)
        return
    try:
        context.store.check_pages()
        yield from _processes(context.store.keys)
        yield from _keys(context.store.keys, context)
    except StoreUnavailable as unavailable:
        yield from problem_of(unavailable, settings).refusals(unavailable)


def _may_exist(settings: Settings) -> bool:
    try:
        return may_exist(settings)
    except OSError:  # in a folder that this user may not enter
        return False


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
            yield STORE_PERMISSIONS.found(f"{file} has mode {mode:04o}", fix=f"chmod {mode_needed} {file}")
        if status.st_uid != owner:
            yield STORE_OWNER.found(f"{file} belongs to uid {status.st_uid}, its folder to uid {owner}")
    if path.parent.resolve() == keyring.parent.resolve():
        yield STORE_BESIDE_KEYRING.found(f"{path} and {keyring} are in the same folder")


def _disk(path: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(path.parent).free
    megabytes = f"{free >> 20:,} MB free in {path.parent}"
    if free < DISK_FULL_BYTES:
        yield DISK_FULL.found(megabytes)
    elif free < max(DISK_NEARLY_FULL_BYTES, 2 * path.stat().st_size):
        yield DISK_NEARLY_FULL.found(megabytes)
    log = wal_file(path)
    if log.exists() and log.stat().st_size > MAX_WAL_BYTES:
        yield WAL_LARGE.found(f"{log} is {log.stat().st_size >> 20:,} MB")


def _processes(keys: StoreKeys) -> Iterator[Finding]:
    """Look for processes that do not keep their commits apart from other processes' checkpoints."""
    unprotected = [process.pid for process in keys.processes() if not process.takes_write_lock]
    if unprotected and has_wal_reset_bug():
        pids = ", ".join(map(str, unprotected))
        yield COMMITS_UNPROTECTED.found(f"SQLite {SQLITE_VERSION}; pid {pids} was started by an earlier version")


def _keys(keys: StoreKeys, context: DoctorContext) -> Iterator[Finding]:
    entries = keys.entries()
    known = {entry.key_id for entry in entries}
    use = keys.use()
    missing = {key_id for counts in use.values() for key_id in counts if key_id} - known
    if missing:
        yield KEYS_MISSING.found(f"records need key ids that are not in the keyring: {', '.join(sorted(missing))}")
    found = keys.verify(context.progress)
    yield from (RECORDS_UNREADABLE.found(str(record)) for record in found.listed if record.key_id not in missing)
    if found.stale or sum(entry.retired_at is None for entry in entries) > 1:
        yield ROTATION_UNFINISHED.found(
            f"{plural(found.stale, 'record')} encrypted with an older key than {entries[0].key_id}"
        )
    made = entries[0].made_at
    if made is not None and context.clock() - made > MAX_KEY_AGE_SECONDS:
        yield KEY_OLD.found(f"{entries[0].key_id} was made {time.strftime('%Y-%m-%d', time.gmtime(made))}")
    for opener in keys.processes():
        if opener.pid != os.getpid() and (opener.key_ids or ("",))[0] != entries[0].key_id:
            which = f"process {opener.pid}{f' on {opener.host}' if opener.host else ''}"
            yield OLD_KEY_IN_USE.found(f"{which} does not encrypt with {entries[0].key_id}")
