"""Which versions of SQLite have the WAL-reset bug; see `write_lock`."""

from __future__ import annotations

import sqlite3

SQLITE_VERSION = sqlite3.sqlite_version
"""The version in use."""

_FIRST_AFFECTED = (3, 7, 0)
_FIXED = (3, 51, 3)
_BACKPORTS = ((3, 44, 6), (3, 50, 7))
"""Earlier branches that got the fix: https://www.sqlite.org/wal.html#walresetbug"""


def has_wal_reset_bug(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Whether this version of SQLite, by default the one in use, can lose commits beside a checkpoint."""
    backported = any(version[:2] == fixed[:2] and version >= fixed for fixed in _BACKPORTS)
    return _FIRST_AFFECTED <= version < _FIXED and not backported
