"""Checks that the store and the keyring can be opened or created, and that backups can be written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec

from latchkey.config import Settings
from latchkey.errors import KeyringError, KeysMissing, LatchkeyError, StoreExposed, StoreRefused
from latchkey.preflight.context import StartContext
from latchkey.preflight.problems import Finding, Problem
from latchkey.storage import check_location, open_for_command

DRIVER = ("psycopg", "psycopg_pool")
"""The packages that a store in a database needs."""
PIP = 'run pip install "latchkey[postgresql]"'

STORE_MISSING = Problem.error(
    "store-missing",
    cause="The path or the URL is wrong, a disk is not mounted, or the server has never been started.",
    fix="Check [storage] path or url, mount the disk, or restore a backup.",
)
STORE_REFUSED = Problem.error(
    "store-refused",
    cause="The file is not a store that this version can open, or it cannot be created.",
    fix="Restore a backup.",
)
STORE_UNAVAILABLE = Problem.error(
    "store-unavailable",
    cause="The store does not respond: it is locked, full, read-only or damaged, or its database cannot be reached.",
    fix="Fix what the message names; until then the server responds with 503.",
)
DATABASE_REFUSED = Problem.error(
    "database-refused",
    cause="The database does not admit this user, is not suitable, or contains no store that this version can open.",
    fix="Do what the message says; check [storage] url, and the user's password and rights.",
)
DRIVER_MISSING = Problem.error(
    "driver-missing",
    cause="The store is in PostgreSQL, and psycopg, which connects to it, is not installed.",
    fix="Let Latchkey install it: ./latchkey config check, or latchkey install-service for the service.",
)
STORE_DAMAGED = Problem.error(
    "store-damaged",
    cause="Pages of the database file are damaged.",
    fix="Stop the server, restore the newest backup, and check the disk.",
)
STORE_PERMISSIONS = Problem.error(
    "store-permissions",
    cause="Other users can access the store's files or folder.",
    fix="chmod 700 the folder and 600 the files.",
)
KEYRING_UNUSABLE = Problem.error(
    "keyring-unusable",
    cause="The keyring is missing, empty, accessible to others, or contains an invalid line.",
    fix="Restore it from its copy, with mode 0600.",
)
KEYS_MISSING = Problem.error(
    "keys-missing",
    cause="Records are encrypted with keys that are not in the keyring.",
    fix="Put the missing keys back from a copy of the keyring.",
)
BACKUPS_UNWRITABLE = Problem.error(
    "backups-unwritable",
    cause="Backups cannot be written to [backup] path.",
    fix="Change [backup] path, or chown the folder to the server's user.",
)
SOCKETS_MISSING = Problem.error(
    "sockets-missing",
    cause="The folder [slack] unix_sockets, through which Slack is to be reached, does not exist.",
    fix='Create its sockets, or set unix_sockets = "" to use the network.',
)
PROBLEMS = (
    STORE_MISSING, STORE_REFUSED, DATABASE_REFUSED, DRIVER_MISSING, STORE_UNAVAILABLE, STORE_DAMAGED, STORE_PERMISSIONS,
    KEYRING_UNUSABLE, KEYS_MISSING, BACKUPS_UNWRITABLE, SOCKETS_MISSING,
)  # fmt: skip


def check_storage(context: StartContext) -> Iterator[Finding]:
    """Check the store and the keyring as the start does."""
    settings = context.settings
    if missing := list(check_driver(context)):
        yield from missing
        return
    try:
        check_location(settings.store_location, settings.keyring_path, new_store=context.new_store)
    except LatchkeyError as refusal:
        yield from problem_of(refusal, settings).refusals(refusal)


def check_driver(context: StartContext) -> Iterator[Finding]:
    """Check that the packages are installed that a store in a database needs."""
    absent = [name for name in DRIVER if find_spec(name) is None]
    if context.settings.storage_url is None or not absent:
        return
    command = f"run {context.checkout}/latchkey config check, which installs them" if context.checkout else PIP
    if context.checkout and (context.checkout / ".complete").exists():
        command = "run latchkey install-service, which installs them"
    what = f"the store is in {context.settings.store_name}, and not installed: {', '.join(absent)}"
    yield from DRIVER_MISSING.refusals(StoreRefused(what, hint=command))


def check_opening(context: StartContext) -> Iterator[Finding]:
    """Open and close an existing store, as the start does when it has made its checks."""
    settings = context.settings
    if not may_exist(settings):
        return
    try:
        open_for_command(settings.store_location, settings.keyring_path).close()
    except LatchkeyError as refusal:
        yield from problem_of(refusal, settings).refusals(refusal)


def may_exist(settings: Settings) -> bool:
    """Whether there may be a store: its file, or, because a database is not asked here, its keyring.

    Raises PermissionError if the path is in a folder that this user may not enter.
    """
    return (settings.store_path if settings.storage_url is None else settings.keyring_path).exists()


def check_folders(context: StartContext) -> Iterator[Finding]:
    """Check the folders that are needed later."""
    settings = context.settings
    folder = settings.backup_path
    existing = next(parent for parent in (folder, *folder.absolute().parents) if os.path.lexists(parent))
    if not existing.is_dir():
        yield BACKUPS_UNWRITABLE.found(f"{existing} is not a folder", where="[backup] path")
    elif not os.access(existing, os.W_OK | os.X_OK, effective_ids=True):
        yield BACKUPS_UNWRITABLE.found(f"this user cannot write to {existing}", where="[backup] path")
    sockets = settings.unix_sockets_path
    if sockets is not None and not sockets.is_dir():
        yield SOCKETS_MISSING.found(f"there is no folder {sockets}", where="[slack] unix_sockets")


def problem_of(refusal: LatchkeyError, settings: Settings) -> Problem:
    """Return the problem for an error that opening the store raised."""
    if isinstance(refusal, KeyringError):
        return KEYRING_UNUSABLE
    if isinstance(refusal, StoreExposed):
        return STORE_PERMISSIONS
    if isinstance(refusal, StoreRefused):
        if isinstance(refusal, KeysMissing):
            return KEYS_MISSING
        if settings.storage_url is not None:
            return DATABASE_REFUSED
        return STORE_REFUSED if os.path.lexists(settings.store_path) else STORE_MISSING
    return STORE_DAMAGED if getattr(refusal, "reason", "") == "damaged" else STORE_UNAVAILABLE
