"""Blocking calls carried off the event loop, each with a deadline.

Rule: the loop never waits for the disk, and never for longer than the deadline
for an answer, even when the kernel does not give the thread back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from latchkey.errors import StoreUnavailable

P = ParamSpec("P")
T = TypeVar("T")

DEADLINE_SECONDS = 2.3
"""A little over what a call may take by itself (`storage.connection`), and under the 2.5 s that Slack is given."""


class Offload:
    """A few threads for blocking calls of one kind; a call that has not begun at its deadline never runs."""

    def __init__(self, name: str, *, threads: int, deadline: float = DEADLINE_SECONDS) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._deadline = deadline

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `function` returns; raises what it raises, or StoreUnavailable at the deadline."""
        future = self.submit(function, *args, **kwargs)
        try:
            # Not `wait_for`, which in Python 3.11 overhears a cancellation that comes as the call ends.
            async with asyncio.timeout(self._deadline):
                return await future
        except TimeoutError:
            raise StoreUnavailable("timeout", "the store did not answer in time") from None

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Return the future of a call that ends within a limit of its own; raises StoreUnavailable when closed."""
        try:
            return asyncio.get_running_loop().run_in_executor(self._executor, partial(function, *args, **kwargs))
        except RuntimeError as error:  # the executor has been shut down
            raise StoreUnavailable("closed", "the store is closed") from error

    def close(self) -> None:
        """Take no more calls; those that run end by themselves, within their deadline."""
        self._executor.shutdown(wait=False, cancel_futures=True)
