"""Runs sync listeners in threads, workspaces taking turns."""

from __future__ import annotations

import asyncio
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from latchkey.dispatch.listeners.arguments import BlockingCall, Call, CallPlan
from latchkey.dispatch.slots import SlotPool

MAX_RUNNING_THREADS = 64
"""Sync listeners that run at once, not counting those that wait for one of Slack's rate limits."""
MAX_RUNNING_THREADS_PER_WORKSPACE = 8
"""So that one workspace's blocking listeners leave threads to the others."""
MAX_THREADS = 1000
"""Threads in all, including those that wait; each is started when it is needed."""
_PREFIX = "listener"


class ListenerThreads:
    """The threads of sync listeners."""

    def __init__(self, *, max_running: int, max_per_workspace: int) -> None:
        self._executor = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix=_PREFIX)
        self._slots = SlotPool(max_slots=max_running, max_per_workspace=max_per_workspace)
        self._loop: asyncio.AbstractEventLoop | None = None

    def close(self) -> None:
        """Start no further functions. Running threads cannot be cancelled and are not waited for."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def run(self, plan: CallPlan, call: Call) -> Any:
        """Return what the function returns. Raises TypeError if that is a coroutine, which would never run."""
        loop = self._loop = asyncio.get_running_loop()
        async with self._slots.slot(call.payload.workspace, outer=call.slot) as slot:
            arguments = plan.arguments(BlockingCall(call.with_slot(slot), loop))
            result = await loop.run_in_executor(self._executor, partial(plan.function, **arguments))
        if inspect.iscoroutine(result):
            result.close()
            raise TypeError(f"{plan.name} is not async and returned a coroutine, which would never run")
        return result

    def loop_of_this_thread(self) -> asyncio.AbstractEventLoop | None:
        """Return the loop that does the work of the current thread; None if it is none of these threads."""
        return self._loop if threading.current_thread().name.startswith(f"{_PREFIX}_") else None
