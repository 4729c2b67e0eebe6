"""Runs blocking calls in threads, off the event loop, each with a timeout.

Invariant: the loop never waits for the disk, and waits no longer than the
timeout for a result, even if the kernel does not return the thread.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import ParamSpec, TypeVar

from latchkey.errors import StoreUnavailable

P = ParamSpec("P")
T = TypeVar("T")

CALL_TIMEOUT = 2.3
"""Seconds: a little over the longest time that a call itself takes (`engine.sqlite.connection`), and under the 2.5 s
that we allow ourselves of Slack's 3 s."""

CallObserver = Callable[[str, float, Exception | None], None]
"""Called on the event loop after each call, with its name, its duration in seconds, and its error or None."""


def ignore_call(_call: str, _seconds: float, _error: Exception | None) -> None:
    """Default observer: does nothing."""


class Executor:
    """A few threads for blocking calls of one kind; a call that has not started by its timeout never runs."""

    def __init__(self, name: str, *, threads: int, timeout: float = CALL_TIMEOUT) -> None:
        """`timeout` is in seconds."""
        self.on_call: CallObserver = ignore_call
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._timeout = timeout

    async def run(self, call: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the result of `function`; `call` is its name for the observer.

        Raises what `function` raises, or StoreUnavailable at the timeout.
        """
        with self._observed(call):
            future = self._start(function, *args, **kwargs)
            try:
                # Not `wait_for`: in Python 3.11 it can swallow a cancellation that arrives as the call ends.
                async with asyncio.timeout(self._timeout):
                    return await future
            except TimeoutError:
                raise StoreUnavailable("timeout", "the store did not answer in time") from None

    def submit(self, call: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Return the future of a call that has a time limit of its own; raises StoreUnavailable if closed."""
        begun = time.monotonic()
        try:
            future = self._start(function, *args, **kwargs)
        except StoreUnavailable as error:
            self.on_call(call, time.monotonic() - begun, error)
            raise
        future.add_done_callback(partial(self._report, call, begun))
        return future

    def close(self) -> None:
        """Refuse new calls; running ones end within their timeout."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _start(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        try:
            return asyncio.get_running_loop().run_in_executor(self._threads, partial(function, *args, **kwargs))
        except RuntimeError as error:  # the pool has been shut down
            raise StoreUnavailable("closed", "the store is closed") from error

    @contextmanager
    def _observed(self, call: str) -> Iterator[None]:
        begun = time.monotonic()
        failure: Exception | None = None
        try:
            yield
        except Exception as error:
            failure = error
            raise
        finally:
            self.on_call(call, time.monotonic() - begun, failure)

    def _report(self, call: str, begun: float, future: asyncio.Future[T]) -> None:
        error = None if future.cancelled() else future.exception()
        self.on_call(call, time.monotonic() - begun, error if isinstance(error, Exception) else None)
