"""Commands, actions, shortcuts, views and options: what their listener acknowledges with is the response.

Rule: Slack is told nothing of an error but that there was one. Nothing of this
kind is run again after a crash, because its trigger ids are dead by then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from functools import partial
from typing import Any

from dispatch import refusals
from dispatch.app import Listener
from dispatch.call import Call
from dispatch.metrics import Metrics
from dispatch.reply import EMPTY, Reply
from dispatch.runner import Runner
from slackapi.payload import Payload

ACK_SECONDS = 2.5
"""How long a listener may take to `ack`: Slack waits for 3 s, and half a second is the network's."""

logger = logging.getLogger("latchkey.listeners")


class Dispatcher:
    """Answers what a person waits for."""

    def __init__(self, runner: Runner, metrics: Metrics, *, install_url: str, ack_seconds: float = ACK_SECONDS) -> None:
        self._runner = runner
        self._metrics = metrics
        self._install_url = install_url
        self._ack_seconds = ack_seconds
        self._tasks: set[asyncio.Task[None]] = set()

    async def answer(self, payload: Payload, request_id: str) -> Reply:
        """Return what Slack is told: what the first matching listener acknowledges with.

        The listener goes on afterwards. Raises StoreUnavailable or UnreadableRecord where the
        workspace's install cannot be looked up.
        """
        listeners = self._runner.app.matching(payload)
        if not listeners:
            return refusals.NO_LISTENER
        bot = await self._runner.find_bot(payload)
        if bot is None:
            return refusals.not_installed(payload, self._install_url)
        listener = listeners[0]
        replied: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        call = self._runner.call(payload, listener, bot, request_id, settle=partial(_settle, replied))
        self._start(self._run_until_reply(listener, call, replied))
        try:
            return await asyncio.wait_for(asyncio.shield(replied), self._ack_seconds)
        except TimeoutError:
            self._metrics.acked_for += 1
            logger.warning(
                "%s has not acknowledged within %s s; Slack was answered on its behalf request_id=%s",
                listener.name,
                self._ack_seconds,
                request_id,
            )
            _settle(replied, refusals.too_late(payload))
            return replied.result()

    async def drain(self, seconds: float) -> int:
        """Wait for the listeners under way, then cancel what is left; returns how many that were."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        unfinished = set(self._tasks)
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished, timeout=1)
        return len(unfinished)

    async def _run_until_reply(self, listener: Listener, call: Call, replied: asyncio.Future[Reply]) -> None:
        error = await self._runner.run(listener, call)
        if replied.done():
            return
        request_id = call.context["request_id"]
        if error is None:
            self._metrics.acked_for += 1
            logger.warning(
                "%s ended without ack(); Slack was sent an empty one request_id=%s", listener.name, request_id
            )
        _settle(replied, EMPTY if error is None else refusals.failed(call.payload, request_id))

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        # The loop keeps only weak references to its tasks.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _settle(replied: asyncio.Future[Reply], reply: Reply) -> None:
    if not replied.done():
        replied.set_result(reply)
