"""Runs listeners for commands, actions, shortcuts, views and options; what a listener passes to `ack` is the response.

Invariant: a response never says why a listener failed. Nothing here runs again after a crash, because its trigger
ids have expired by then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from latchkey.dispatch.listeners import (
    EMPTY,
    JSON,
    Call,
    Listener,
    Reply,
    Runner,
    describe_workspace,
    text_reply,
    with_own_tokens,
)
from latchkey.dispatch.visible_reply import visible_reply
from latchkey.errors import LatchkeyError, MustReinstall, TokenUnavailable
from latchkey.metrics import Metrics
from latchkey.slackapi.client import response_url_of
from latchkey.slackapi.requests import Kind, Payload
from latchkey.tokens import Access

ACK_TIMEOUT = 2.5
"""Seconds that a listener has for `ack`. Slack waits for 3 s; the rest is left to the network."""

NO_LISTENER = text_reply("no listener is registered for this", 404)
"""Slack then shows its own error, which is how an author finds a misspelt name."""

NO_NEXT = Reply(404, JSON, b'{"error": "no next() calls in middleware"}')
"""The reply if middleware neither calls `next()` nor responds; Bolt's own."""

NO_ACCESS = "The app has no access to Slack at the moment. Please try again in a few minutes."

logger = logging.getLogger("latchkey.listeners")

ReplyCallback: TypeAlias = Callable[[Reply | LatchkeyError], None]
"""Called exactly once with the reply for Slack, or with the error that prevented one."""


class Interactions:
    """Runs one listener for each interactive request."""

    def __init__(self, runner: Runner, metrics: Metrics, *, install_url: str, ack_timeout: float = ACK_TIMEOUT) -> None:
        """`install_url` is shown to people whose workspace has not installed the app."""
        self._runner = runner
        self._metrics = metrics
        self._install_url = install_url
        self._ack_timeout = ack_timeout
        self._tasks: set[asyncio.Task[None]] = set()

    def handle(self, payload: Payload, request_id: str, on_reply: ReplyCallback) -> None:
        """Reply with whatever the first matching listener passes to `ack`; the listener keeps running afterwards.

        `on_reply` is called with StoreUnavailable or UnreadableRecord if the installation cannot be looked up.
        """
        listeners = self._runner.app.matching(payload)
        if not listeners:
            on_reply(NO_LISTENER)
            return
        candidates = _candidates(listeners)
        request = _Request(payload, candidates, request_id, on_reply)
        access = self._runner.cached_access(payload, candidates)
        if access is not None and access.token is not None:
            self._start(self._run(request, access))
        else:
            self._start(self._look_up_and_run(request))

    async def settle(self) -> None:
        """Return once no listener runs."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def drain(self, seconds: float) -> int:
        """Wait up to `seconds` for running listeners, then cancel the rest; return how many were cancelled."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        unfinished = set(self._tasks)
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished, timeout=1)
        return len(unfinished)

    async def _look_up_and_run(self, request: _Request) -> None:
        # Slack does not wait for a slow refresh of the token; the listener can still respond later.
        request.timer = asyncio.get_running_loop().call_later(self._ack_timeout, self._ack_timed_out, request)
        try:
            access = await self._runner.find_access(request.payload, request.candidates)
        except TokenUnavailable as error:
            logger.warning("not running %s: %s request_id=%s", request.payload.type, error, request.request_id)
            if isinstance(error, MustReinstall):
                text = f"This app has lost its access. Please install it again: {self._install_url}"
                await self._explain(request, text, otherwise=EMPTY)
            else:
                await self._explain(request, NO_ACCESS, otherwise=text_reply("the token could not be refreshed", 503))
            return
        except LatchkeyError as error:
            if request.is_replied:
                logger.warning("not running %s: %s request_id=%s", request.payload.type, error, request.request_id)
                await self._explain(request, NO_ACCESS, otherwise=EMPTY)
            request.reply(error)
            return
        if access.token is None:
            request.candidates = with_own_tokens(request.candidates)
        if not request.candidates:
            logger.info(
                "not running %s: there is no installation of %s request_id=%s",
                request.payload.type,
                describe_workspace(request.payload),
                request.request_id,
            )
            await self._explain(request, f"Please install this app first! {self._install_url}", otherwise=EMPTY)
            return
        await self._run(request, access)

    async def _explain(self, request: _Request, text: str, *, otherwise: Reply) -> None:
        """Reply that the listener does not run. A command that Slack has got a reply for is answered by a message."""
        if not request.is_replied:
            request.reply(visible_reply(request.payload, text, otherwise=otherwise))
        elif request.payload.kind is Kind.COMMAND and response_url_of(request.payload.body) is not None:
            call = self._runner.make_call(
                request.payload, request.listener, Access(request.payload.workspace), request.request_id
            )
            try:
                await call.respond(text)
            except LatchkeyError as error:
                logger.warning("could not respond to a command: %s request_id=%s", error, request.request_id)

    async def _run(self, request: _Request, access: Access) -> None:
        request.is_started = True
        if request.timer is None:
            request.timer = asyncio.get_running_loop().call_later(self._ack_timeout, self._ack_timed_out, request)
        call = self._runner.make_call(
            request.payload, request.listener, access, request.request_id, on_ack=request.reply
        )
        error = await self._run_first_that_accepts(request, call)
        call.end()
        if error is None and call.is_declined:
            request.reply(NO_LISTENER)
        if request.is_replied:
            return
        if error is None:
            self._metrics.acks_on_behalf.inc()
            logger.warning(
                "%s ended without calling ack(); sent an empty reply request_id=%s",
                request.listener.name,
                request.request_id,
            )
        request.reply(EMPTY if error is None else _failed(request.payload, request.request_id))

    async def _run_first_that_accepts(self, request: _Request, call: Call) -> Exception | None:
        """Run the middleware, and the first listener that does not decline; return what was raised."""
        if self._runner.app.middleware_plans:
            error = await self._runner.run_middleware(call)
            if error is not None:
                return error
            if call.is_declined:
                request.reply(NO_NEXT)
                return None
        for listener in request.candidates:
            request.listener = listener
            error = await self._runner.run(listener, call)
            if error is not None or request.is_replied or not call.is_declined:
                return error
        return None

    def _ack_timed_out(self, request: _Request) -> None:
        self._metrics.acks_on_behalf.inc()
        reason = "did not call ack()" if request.is_started else "could not begin, for want of a token,"
        logger.warning(
            "%s %s within %s s; replied on its behalf request_id=%s",
            request.listener.name,
            reason,
            self._ack_timeout,
            request.request_id,
        )
        request.reply(_timed_out(request.payload))

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        # The loop keeps only weak references to its tasks.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Request:
    """A request that waits for its one reply."""

    __slots__ = ("_on_reply", "candidates", "is_replied", "is_started", "listener", "payload", "request_id", "timer")

    def __init__(self, payload: Payload, candidates: list[Listener], request_id: str, on_reply: ReplyCallback) -> None:
        self.payload = payload
        self.candidates = candidates
        """The listeners that match; the first that does not decline the payload runs."""
        self.listener = candidates[0]
        """The one that runs, or is about to."""
        self.request_id = request_id
        self.timer: asyncio.TimerHandle | None = None
        self.is_replied = False
        self.is_started = False
        """Whether the listener has been called; its token may have to be refreshed first."""
        self._on_reply = on_reply

    def reply(self, reply: Reply | LatchkeyError) -> None:
        """Send the reply; later ones are ignored."""
        if self.is_replied:
            return
        self.is_replied = True
        if self.timer is not None:
            self.timer.cancel()
        self._on_reply(reply)


def _candidates(listeners: list[Listener]) -> list[Listener]:
    """Return the listeners up to the first that cannot decline a payload."""
    for count, listener in enumerate(listeners, 1):
        if not listener.checks:
            return listeners[:count]
    return listeners


def _failed(payload: Payload, request_id: str) -> Reply:
    text = f"Sorry, something went wrong. The app's operator can find the cause in the log under {request_id}."
    return visible_reply(payload, text, otherwise=text_reply("the listener failed", 500))


def _timed_out(payload: Payload) -> Reply:
    """Reply before the listener's end; a command shows nothing, because a message can follow."""
    if payload.kind is Kind.COMMAND:
        return EMPTY
    return visible_reply(payload, "The app is slow to respond right now. Please try again.", otherwise=EMPTY)
