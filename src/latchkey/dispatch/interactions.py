"""Commands, actions, shortcuts, views and options: what their listener acknowledges with is the response.

Rule: Slack is told nothing of an error but that there was one. Nothing of this
kind is run again after a crash, because its trigger ids are dead by then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from slack_sdk.oauth.installation_store import Bot

from latchkey.dispatch import refusals
from latchkey.dispatch.listeners import EMPTY, Listener, Reply, Runner
from latchkey.errors import LatchkeyError
from latchkey.metrics import Metrics
from latchkey.slackapi.requests import Payload

ACK_SECONDS = 2.5
"""How long a listener may take to `ack`: Slack waits for 3 s, and half a second is the network's."""

logger = logging.getLogger("latchkey.listeners")


Answer: TypeAlias = Callable[[Reply | LatchkeyError], None]
"""Is told once what Slack is told, or why nothing can be said."""


class Dispatcher:
    """Answers what a person waits for."""

    def __init__(self, runner: Runner, metrics: Metrics, *, install_url: str, ack_seconds: float = ACK_SECONDS) -> None:
        self._runner = runner
        self._metrics = metrics
        self._install_url = install_url
        self._ack_seconds = ack_seconds
        self._tasks: set[asyncio.Task[None]] = set()

    def answer(self, payload: Payload, request_id: str, answer: Answer) -> None:
        """Answer what Slack is told: what the first matching listener acknowledges with; it goes on afterwards.

        Where the workspace's install cannot be looked up, the answer is StoreUnavailable or UnreadableRecord.
        """
        listeners = self._runner.app.matching(payload)
        if not listeners:
            answer(refusals.NO_LISTENER)
            return
        request = _Request(payload, listeners[0], request_id, answer)
        bot = self._runner.cached_bot(payload)
        self._start(self._run(request, bot) if bot is not None else self._look_up_and_run(request))

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

    async def _look_up_and_run(self, request: _Request) -> None:
        try:
            bot = await self._runner.find_bot(request.payload)
        except LatchkeyError as error:
            request.answer_once(error)
            return
        if bot is None:
            request.answer_once(refusals.not_installed(request.payload, self._install_url))
            return
        await self._run(request, bot)

    async def _run(self, request: _Request, bot: Bot) -> None:
        request.timer = asyncio.get_running_loop().call_later(self._ack_seconds, self._answer_for, request)
        call = self._runner.make_call(
            request.payload, request.listener, bot, request.request_id, on_ack=request.answer_once
        )
        error = await self._runner.run(request.listener, call)
        if request.is_answered:
            return
        if error is None:
            self._metrics.acked_for += 1
            logger.warning(
                "%s ended without ack(); Slack was sent an empty one request_id=%s",
                request.listener.name,
                request.request_id,
            )
        request.answer_once(EMPTY if error is None else refusals.failed(request.payload, request.request_id))

    def _answer_for(self, request: _Request) -> None:
        self._metrics.acked_for += 1
        logger.warning(
            "%s has not acknowledged within %s s; Slack was answered on its behalf request_id=%s",
            request.listener.name,
            self._ack_seconds,
            request.request_id,
        )
        request.answer_once(refusals.too_late(request.payload))

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        # The loop keeps only weak references to its tasks.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Request:
    """Something that waits for its one answer."""

    __slots__ = ("_answer", "is_answered", "listener", "payload", "request_id", "timer")

    def __init__(self, payload: Payload, listener: Listener, request_id: str, answer: Answer) -> None:
        self.payload = payload
        self.listener = listener
        self.request_id = request_id
        self.timer: asyncio.TimerHandle | None = None
        self.is_answered = False
        self._answer = answer

    def answer_once(self, reply: Reply | LatchkeyError) -> None:
        """Answer; only the first one counts."""
        if self.is_answered:
            return
        self.is_answered = True
        if self.timer is not None:
            self.timer.cancel()
        self._answer(reply)
