"""The SQL of the table of processes. All times are the database's."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path
from typing import NamedTuple

LEASE_SECONDS = 10.0
"""How long a process counts as running after its last heartbeat."""
BEAT_SECONDS = 2.0
"""Between two heartbeats, so that a restart of the database, or a short partition, ends no lease."""
CHANNEL = "latchkey"
"""The channel of NOTIFY on which a process announces changes of what others cache, with its name."""
EVENTS_CHANNEL = "latchkey_events"
"""The channel on which it announces events for any server to take."""

INSERT = (
    "INSERT INTO latchkey.processes (lease_until, name, machine, host, pid, version, address)"
    " VALUES (clock_timestamp() + make_interval(secs => %s), %s, %s, %s, %s, %s, %s)"
)
BEAT = (
    "UPDATE latchkey.processes SET seen_at = clock_timestamp(),"
    " lease_until = clock_timestamp() + make_interval(secs => %s) WHERE name = %s AND NOT fenced"
)
PUBLISH = "UPDATE latchkey.processes SET key_ids = %s WHERE name = %s"
DELETE = "DELETE FROM latchkey.processes WHERE name = %s"
DELETE_EXPIRED_COMMANDS = "DELETE FROM latchkey.processes WHERE address IS NULL AND lease_until <= clock_timestamp()"
LIVE = "SELECT machine, host, pid, key_ids FROM latchkey.processes WHERE NOT fenced AND lease_until > clock_timestamp()"
IS_SERVING = "SELECT 1 FROM latchkey.processes WHERE name = %s AND NOT fenced"
SERVERS = (
    "SELECT name, machine, pid, fenced, lease_until <= clock_timestamp()"
    " FROM latchkey.processes WHERE address IS NOT NULL AND name <> %s"
)
PRIMARY_KEY = "SELECT key_id FROM latchkey.primary_key"
SET_PRIMARY_KEY = (
    "INSERT INTO latchkey.primary_key (key_id) VALUES (%s)"
    " ON CONFLICT (only_row) DO UPDATE SET key_id = excluded.key_id"
)
LEADER = (
    "SELECT name FROM latchkey.processes WHERE address IS NOT NULL AND NOT fenced ORDER BY started_at, name LIMIT 1"
)
FENCE = (
    # FOR UPDATE waits for commits that HOLD the row.
    "UPDATE latchkey.processes SET fenced = true WHERE name ="
    " (SELECT name FROM latchkey.processes WHERE name = %s AND (lease_until <= clock_timestamp() OR %s) FOR UPDATE)"
)
HOLD = "SELECT 1 FROM latchkey.processes WHERE name = %b AND NOT fenced FOR KEY SHARE"
"""Keeps the row from being fenced until the transaction ends; a heartbeat may still renew it."""


class ProcessRow(NamedTuple):
    """What a process says of itself."""

    name: str
    machine: str
    """The boot of its machine, and the namespace of its process id."""
    host: str
    pid: int
    version: str
    address: str | None
    """Where a server listens; None for a command."""

    @classmethod
    def of_this_process(cls, version: str, address: str | None) -> ProcessRow:
        """Return a row with a new name."""
        pid = os.getpid()
        return cls(f"{pid}-{secrets.token_hex(8)}", _this_machine(), socket.gethostname(), pid, version, address)

    @property
    def parameters(self) -> tuple[object, ...]:
        """What INSERT takes."""
        return (LEASE_SECONDS, *self)

    def has_ended_here(self, machine: str, pid: int) -> bool:
        """Whether another process was on this machine, and its id is no longer in use."""
        if machine != self.machine:
            return False
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # another user's
        return False


def _this_machine() -> str:
    # Two containers may have the same host name, and the same process ids.
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}/{Path('/proc/self/ns/pid').readlink()}"
