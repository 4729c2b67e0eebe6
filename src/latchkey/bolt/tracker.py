"""Follows what one request starts in a Bolt app, until all of it has ended.

Bolt starts listeners and lazy listeners in the background, and hands their exceptions to the app's error handler. An
event is done only when they have ended, and failed if one of them raised.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from slack_bolt.authorization import AuthorizeResult

from latchkey.dispatch import RAISED, Call, as_error
from latchkey.metrics import Metrics

logger = logging.getLogger("latchkey.listeners")


class Tracker:
    """One request, the tokens for it, and what has begun and not ended yet. Threads may use it."""

    def __init__(self, call: Call, metrics: Metrics) -> None:
        """Count the dispatch itself as begun; `end` must follow. Make it on the event loop."""
        self.call = call
        self.error: Exception | None = None
        """What was raised first."""
        self.is_unhandled = False
        """Whether the app has nothing for the request, and has passed that to its error handler."""
        self._metrics = metrics
        self.loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._running = 1
        self._waiting: asyncio.Future[None] | None = None

    @property
    def authorize_result(self) -> AuthorizeResult | None:
        """Bolt's form of the tokens in the store; None if there are none."""
        access = self.call.access
        if not access.is_installed:
            return None
        bot, person = access.bot, access.user or access.installer
        return AuthorizeResult(
            enterprise_id=access.workspace.enterprise_id,
            team_id=access.workspace.team_id,
            team=bot.team_name if bot else None,
            bot_user_id=bot.bot_user_id if bot else None,
            bot_id=bot.bot_id if bot else None,
            bot_token=bot.bot_token if bot else None,
            bot_scopes=bot.bot_scopes if bot else None,
            user_id=self.call.payload.user_id,
            user_token=person.token if person else None,
        )

    def begin(self) -> None:
        """Count a listener that will run in the background; `end` must follow."""
        with self._lock:
            self._running += 1

    def end(self) -> None:
        """Report that one of those that have begun has ended, together with its error handler."""
        with self._lock:
            self._running -= 1
            waiting = self._waiting if self._running == 0 else None
        if waiting is not None:
            self.loop.call_soon_threadsafe(_finish, waiting)

    def abandon(self, error: Exception) -> None:
        """Report that the dispatch itself failed, in which case nothing else may report its end."""
        self.fail(error, "a middleware")
        with self._lock:
            self._running = 1  # the dispatch, which ends now

    async def ended(self) -> None:
        """Wait until everything that has begun has ended."""
        with self._lock:
            if self._running == 0:
                return
            self._waiting = self.loop.create_future()
        await self._waiting

    def fail(self, error: Exception, name: str) -> None:
        """Log what was raised by the function with this name, and keep the first error."""
        logger.error("%s raised %s request_id=%s", name, type(error).__name__, self.call.request_id, exc_info=error)
        if self.error is None:
            self.error = error

    @contextmanager
    def observed(self, name: str) -> Iterator[None]:
        """Measure a run of the listener with this name, and report what it raises.

        Only an Exception leaves the block: Bolt would take anything else for a success, and asyncio would end the loop.
        """
        started = time.monotonic()
        failed = False
        try:
            yield
        except RAISED as raised:
            error = as_error(raised)
            failed = True
            self.fail(error, name)
            raise error from error.__cause__
        finally:
            self._metrics.count_mounted_run(name, time.monotonic() - started, failed=failed)


def tracker_of(request: Any) -> Tracker | None:
    """Return None for a request that is not Slack's own: the copy that Bolt makes for a lazy listener."""
    return getattr(request, "tracker", None)


@contextmanager
def errors_logged(name: str) -> Iterator[None]:
    """Log what the app's own error handler raises: the error that it was called with has been reported already."""
    try:
        yield
    except RAISED as raised:
        logger.exception("%s raised %s", name, type(as_error(raised)).__name__)


def _finish(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


class Observed:
    """What Bolt reads of a listener, and the tracker that measures its run."""

    def __init__(self, listener: Any, tracker: Tracker) -> None:
        self.matchers = listener.matchers
        self.middleware = listener.middleware
        self.ack_function = listener.ack_function
        self.lazy_functions = listener.lazy_functions
        self.auto_acknowledgement = listener.auto_acknowledgement
        self.ack_timeout = listener.ack_timeout
        self._listener = listener
        self._tracker = tracker
