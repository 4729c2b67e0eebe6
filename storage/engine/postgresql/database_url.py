"""The URL of a database: what libpq gets, and what may be shown of it."""

from __future__ import annotations

from typing import Any

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from latchkey.errors import StoreRefused

CONNECT_SECONDS = 2
"""For each host. libpq takes whole seconds, and nothing below 2."""
_DEFAULTS = {
    "connect_timeout": CONNECT_SECONDS,
    # Of several hosts, the one that accepts writes. A standby is refused.
    "target_session_attrs": "read-write",
    "application_name": "latchkey",
    # A host that has vanished is noticed about when Slack gives up (3 s): milliseconds, then seconds.
    "tcp_user_timeout": 3000,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
}


class DatabaseUrl:
    """A URL of libpq, which may contain a password."""

    def __init__(self, url: str) -> None:
        """Raises StoreRefused if libpq cannot parse it."""
        try:
            parts = conninfo_to_dict(url)
        except ProgrammingError:
            # Its message may quote a part of the URL.
            raise StoreRefused(
                "the URL of the database cannot be parsed",
                hint="its form is postgresql://user@host:port/database?sslmode=verify-full",
            ) from None
        self._parts: dict[str, Any] = {**_DEFAULTS, **parts}

    @property
    def conninfo(self) -> str:
        """The connection string for libpq, with the password; show it to nobody."""
        return make_conninfo("", **self._parts)

    def __str__(self) -> str:
        """Return hosts and database, for messages: neither user, nor password, nor parameters."""
        host = self._parts.get("host") or self._parts.get("hostaddr") or "localhost"
        return f"postgresql://{host}/{self._parts.get('dbname') or self._parts.get('user') or ''}"

    __repr__ = __str__
