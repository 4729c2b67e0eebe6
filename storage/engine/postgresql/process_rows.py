"""The SQL of the table of processes. All times are the database's."""

from __future__ import annotations

from typing import NamedTuple

LEASE_SECONDS = 10.0
"""How long a process counts as running after its last heartbeat."""
BEAT_SECONDS = 2.0
"""Between two heartbeats, so that a restart of the database, or a short partition, ends no lease."""
CHANNEL = "latchkey"
"""The channel of NOTIFY on which a process announces changes, with its name."""

INSERT = (
    "INSERT INTO latchkey.processes (lease_until, name, host, pid, version, address)"
    " VALUES (clock_timestamp() + make_interval(secs => %s), %s, %s, %s, %s, %s)"
)
BEAT = (
    "UPDATE latchkey.processes SET seen_at = clock_timestamp(),"
    " lease_until = clock_timestamp() + make_interval(secs => %s) WHERE name = %s"
)
PUBLISH = "UPDATE latchkey.processes SET key_ids = %s WHERE name = %s"
DELETE = "DELETE FROM latchkey.processes WHERE name = %s"
DELETE_EXPIRED_COMMANDS = "DELETE FROM latchkey.processes WHERE address IS NULL AND lease_until <= clock_timestamp()"
LIVE = "SELECT name, host, pid, key_ids FROM latchkey.processes WHERE lease_until > clock_timestamp()"
LIVE_SERVERS = (
    "SELECT pid, host, address FROM latchkey.processes"
    " WHERE address IS NOT NULL AND lease_until > clock_timestamp() ORDER BY started_at"
)
HOLD = "SELECT 1 FROM latchkey.processes WHERE name = %b FOR KEY SHARE"
"""Keeps the row from being deleted until the transaction ends; a heartbeat may still renew it."""


class ProcessRow(NamedTuple):
    """What a process says of itself."""

    name: str
    host: str
    pid: int
    version: str
    address: str | None
    """Where a server listens; None for a command."""

    @property
    def parameters(self) -> tuple[object, ...]:
        """What INSERT takes."""
        return (LEASE_SECONDS, *self)
