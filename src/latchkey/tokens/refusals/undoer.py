"""Keeps refused installations until they are undone: at once, later if that fails, and after a crash.

Invariant: an undo is on disk before Slack is called, and is deleted when it has ended.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from slack_sdk.oauth.installation_store import Installation

from latchkey.errors import LatchkeyError, StoreError
from latchkey.metrics import Metrics
from latchkey.slackapi.oauth import OAuthClient
from latchkey.slackapi.token_calls import TokenCalls
from latchkey.storage import Undo, Undos
from latchkey.tokens.refusals.install_gate import InstallGate
from latchkey.tokens.refusals.undoing import Undoing, UndoOutcome

MAX_DELAY_SECONDS = 3600.0
"""Between two attempts; the first delays are 1, 2, 4, … seconds."""
MAX_AGE_SECONDS = 7 * 86400.0
"""An undo that has failed for this time ends, so that its tokens are not kept permanently."""

logger = logging.getLogger("latchkey.oauth")


def backoff(attempts: int) -> float:
    """Return the seconds until the next attempt, after this many."""
    return min(MAX_DELAY_SECONDS, 2.0 ** min(attempts - 1, 20))


class Undoer:
    """Undoes refused installations; `start` it once the store is open."""

    def __init__(
        self,
        oauth: OAuthClient,
        calls: TokenCalls,
        undos: Undos,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.time,
        delay: Callable[[int], float] = backoff,
    ) -> None:
        """`clock` returns Unix seconds; `delay` returns the seconds to wait after this many attempts."""
        self.gate = InstallGate()
        self._undos = undos
        self._undoing = Undoing(oauth, calls, undos)
        self._metrics = metrics
        self._clock = clock
        self._delay = delay
        self._tasks: set[asyncio.Task[None]] = set()
        self._pending: set[str] = set()
        """The ids of the undos that have not ended."""
        metrics.undos.start_at_zero(UndoOutcome)
        metrics.watch("undos_pending", "Refused installations that are not undone yet", lambda: len(self._pending))

    def start(self) -> None:
        """Resume what the last run has left; if the store does not answer, it is read again later."""
        self._begin(self._resume())

    async def close(self) -> None:
        """Stop; the next start continues what is not undone."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def undo(self, installation: Installation, *, wait_seconds: float) -> UndoOutcome | None:
        """Undo this installation, which must not have been saved.

        Returns what that came to, or None if it takes longer than `wait_seconds` or must be tried again.
        """
        undo = Undo.of(installation, self._clock())
        try:
            await self._undos.async_put(undo)
            is_stored = True
        except StoreError as error:
            is_stored = False
            logger.error("a refused installation is not on disk yet team=%s: %s", undo.workspace, error)  # noqa: TRY400
        first: asyncio.Future[UndoOutcome | None] = asyncio.get_running_loop().create_future()
        self._begin(self._follow(undo, first, is_stored=is_stored))
        await asyncio.wait([first], timeout=wait_seconds)
        return first.result() if first.done() else None

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        # The loop keeps only weak references to its tasks.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _resume(self) -> None:
        for attempts in itertools.count(1):
            try:
                left = await self._undos.async_all()
                break
            except StoreError as error:
                logger.warning("refused installations cannot be read: %s", error)
                await asyncio.sleep(self._delay(attempts))
        for undo in left:
            if undo.undo_id not in self._pending:
                first: asyncio.Future[UndoOutcome | None] = asyncio.get_running_loop().create_future()
                self._begin(self._follow(undo, first, is_stored=True))

    async def _follow(self, undo: Undo, first: asyncio.Future[UndoOutcome | None], *, is_stored: bool) -> None:
        """Try until the undo has ended; `first` gets the outcome of the first attempt, None if it has failed."""
        self._pending.add(undo.undo_id)
        outcome = None
        for attempts in itertools.count(1):
            try:
                if not is_stored:
                    await self._undos.async_put(undo)
                    is_stored = True
                outcome = await self._attempt(undo)
            except LatchkeyError as error:
                logger.warning("a refused installation is not undone yet team=%s: %s", undo.workspace, error)
            if not first.done():
                first.set_result(outcome)
            if outcome is not None:
                break
            await asyncio.sleep(self._delay(attempts))
        self._pending.discard(undo.undo_id)

    async def _attempt(self, undo: Undo) -> UndoOutcome:
        """Undo it at Slack and delete its record; raises SlackRefused, SlackUnavailable or StoreError."""
        try:
            async with self.gate.uninstalling():
                outcome = await self._undoing.run(undo)
        except LatchkeyError:
            if self._clock() - undo.refused_at < MAX_AGE_SECONDS:
                raise
            outcome = UndoOutcome.GIVEN_UP
        await self._undos.async_delete(undo)
        self._metrics.undos[outcome].inc()
        if outcome in (UndoOutcome.NEEDS_ADMIN, UndoOutcome.GIVEN_UP):
            logger.error(
                "a refused installation could not be removed (%s): an admin of %s must remove the app at Slack",
                outcome,
                undo.workspace,
            )
        else:
            logger.info("a refused installation was undone (%s) team=%s", outcome, undo.workspace)
        return outcome
