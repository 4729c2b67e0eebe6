"""OAuth states: issued once, consumed once, expired after ten minutes unless they are issued for another time.

Invariant: only a state's hash is stored, and the call that consumes a state
deletes it before it checks anything else. A clock that steps back can therefore
not make a state valid twice, nor valid for longer: the time since the machine
started, which nobody sets, counts as well, unless another machine issued it.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping
from logging import Logger
from typing import Any, NamedTuple

from slack_sdk.oauth.state_store import OAuthStateStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore

from latchkey.errors import UnreadableRecord
from latchkey.storage.engine import Executor
from latchkey.storage.records import Records, Stored
from latchkey.storage.tables import STATES

EXPIRATION_SECONDS = 600
"""Slack's own code expires after ten minutes (docs.slack.dev, Installing with OAuth)."""
SWEEP_INTERVAL = 60.0
SWEEP_LIMIT = 500

_SHAPE = re.compile(r"[0-9a-f]{8}[A-Za-z0-9_-]{43}", re.ASCII)


class IssuedState(NamedTuple):
    """A state that was issued here."""

    is_valid: bool
    """False if it has expired."""
    custom_values: dict[str, str]
    """What the install is to be stored with."""
    start_query: str
    """The query with which this install was started."""


def seconds_since_boot() -> float:
    """Return the seconds since the machine started, including those that it slept."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class States(OAuthStateStore, AsyncOAuthStateStore):
    """slack_sdk's state store, sync and async, on encrypted records."""

    def __init__(
        self,
        records: Records,
        executor: Executor,
        clock: Callable[[], float],
        uptime: Callable[[], float] = seconds_since_boot,
        *,
        machine: str = "",
    ) -> None:
        """`clock` returns Unix seconds, `uptime` the seconds since the machine started.

        `machine` names this start of the machine; empty if servers on other machines cannot consume a state.
        """
        self._records = records
        self._executor = executor
        self._clock = clock
        self._uptime = uptime
        self._machine = machine
        self._next_sweep = 0.0
        self._logger = logging.getLogger("latchkey.storage")

    @property
    def logger(self) -> Logger:
        return self._logger

    def issue(self, *args: object, **kwargs: object) -> str:
        """Return a new state, valid for EXPIRATION_SECONDS; it is on disk when this returns.

        Arguments are accepted because slack_sdk's interface has them, and ignored.
        """
        return self._issue({}, "", EXPIRATION_SECONDS)

    def consume(self, state: str) -> bool:
        """Return True the first time that a valid state is presented, and False otherwise; raises StoreUnavailable."""
        taken = self._take(state)
        return taken is not None and taken.is_valid

    async def async_issue_with(
        self, custom_values: Mapping[str, str], start_query: str, seconds: int = EXPIRATION_SECONDS
    ) -> str:
        """Return a new state that is valid for `seconds`; `async_take` returns what it was issued with."""
        return await self._executor.run("issue_state", self._issue, custom_values, start_query, seconds)

    async def async_take(self, state: str) -> IssuedState | None:
        """Consume a state, valid or not, and return it; None if there is no such state. Raises StoreUnavailable."""
        return await self._executor.run("consume_state", self._take, state)

    async def async_issue(self, *args: object, **kwargs: object) -> str:
        return await self._executor.run("issue_state", self.issue)

    async def async_consume(self, state: str) -> bool:
        return await self._executor.run("consume_state", self.consume, state)

    def _issue(self, custom_values: Mapping[str, str], start_query: str, seconds: int) -> str:
        now = self._clock()
        expires_at = int(now) + seconds
        # The time comes first, so that expired states sort first in their table.
        state = f"{expires_at:08x}{secrets.token_urlsafe(32)}"
        self._sweep(now)
        value: dict[str, Any] = {"expires_at": expires_at, "issued_at_uptime": self._uptime()}
        if self._machine:
            value["machine"] = self._machine
        if seconds != EXPIRATION_SECONDS:
            value["seconds"] = seconds
        if custom_values or start_query:
            value |= {"custom_values": dict(custom_values), "start_query": start_query}
        self._records.commit([self._records.put(STATES, _record_id(state), value)])
        return state

    def _take(self, state: str) -> IssuedState | None:
        if not isinstance(state, str) or not _SHAPE.fullmatch(state):
            return None
        try:
            stored = self._records.read(STATES, _record_id(state))
        except UnreadableRecord as error:
            self._logger.warning("%s", error)
            return None
        if stored is None or not self._records.commit([self._records.remove(STATES, stored)]):
            return None
        value = stored.value
        is_valid = not self._is_expired(value, self._clock())
        return IssuedState(is_valid, value.get("custom_values", {}), value.get("start_query", ""))

    def _is_expired(self, value: dict[str, Any], now: float) -> bool:
        issued, uptime = value.get("issued_at_uptime"), self._uptime()
        if now >= value["expires_at"]:
            return True
        if issued is None or value.get("machine", "") != self._machine:  # an earlier version's, or another machine's
            return False
        # If the machine has started anew, the state is at least as old as this start.
        age = uptime - issued if uptime >= issued else uptime
        return bool(age >= value.get("seconds", EXPIRATION_SECONDS))

    def _sweep(self, now: float) -> None:
        """Delete some expired states, at most once per SWEEP_INTERVAL unless there are more than SWEEP_LIMIT."""
        if now < self._next_sweep <= now + SWEEP_INTERVAL:
            return
        self._next_sweep = now + SWEEP_INTERVAL
        page = self._records.page(STATES, limit=SWEEP_LIMIT)
        expired = [
            self._records.discard(STATES, record.record_id)
            for record in page
            if isinstance(record, Stored) and self._is_expired(record.value, now)
        ]
        if expired:
            self._records.commit(expired)
        if len(expired) == SWEEP_LIMIT:
            self._next_sweep = 0.0  # there are more: the next `issue` continues


def _record_id(state: str) -> str:
    # The state is 256 random bits, so its hash cannot be reversed: a copy of the file contains no usable state.
    return state[:8] + hashlib.sha256(state.encode()).hexdigest()
