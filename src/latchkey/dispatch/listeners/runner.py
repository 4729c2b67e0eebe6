"""Runs one listener, sync or async, and calls the error handlers if it raises.

Invariant: an exception in one listener does not affect the others. It is logged with the request's id; outside the log,
only its type and location are kept, because its message may contain anything.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from latchkey.dispatch.listeners.arguments import (
    Call,
    CallPlan,
    Context,
    Reply,
    Response,
    is_response,
    reply_from,
)
from latchkey.dispatch.listeners.registration import App, Listener
from latchkey.dispatch.listeners.threads import MAX_RUNNING_THREADS, MAX_RUNNING_THREADS_PER_WORKSPACE, ListenerThreads
from latchkey.dispatch.slots import Slot
from latchkey.metrics import Metrics
from latchkey.slackapi.client import Completion, ResponseUrl, WebClients, blocking_client, response_url_of, run_on_loop
from latchkey.slackapi.requests import Payload, WorkspaceId
from latchkey.tokens import Access, TokenClients, TokenResolver

if TYPE_CHECKING:
    from slack_sdk import WebClient
    from slack_sdk.web.async_client import AsyncWebClient

    from latchkey.storage import Installations

RAISED = (Exception, SystemExit, asyncio.CancelledError)
"""What an author's function can end with, without ending more than itself; `as_error` makes an error of it."""

logger = logging.getLogger("latchkey.listeners")


def ignore_error(_: Exception) -> None:
    """Do nothing about an error, which has been logged."""


class Runner:
    """Runs async listeners on the event loop and sync ones in threads."""

    def __init__(
        self,
        app: App,
        *,
        installations: Installations,
        resolver: TokenResolver,
        clients: WebClients,
        metrics: Metrics,
        max_threads: int = MAX_RUNNING_THREADS,
        max_threads_per_workspace: int = MAX_RUNNING_THREADS_PER_WORKSPACE,
        on_error: Callable[[Exception], None] = ignore_error,
    ) -> None:
        """`on_error` is called with what a listener or the middleware raised, after it was logged."""
        self.app = app
        self._on_error = on_error
        self._installations = installations
        self._resolver = resolver
        self._client_for = TokenClients(resolver, clients).client_for
        self._clients = clients
        app.use_clients(self._client_for, self._client_without_token)
        self._metrics = metrics
        metrics.expect_listeners(listener.id for listener in app.listeners)
        self._threads = ListenerThreads(max_running=max_threads, max_per_workspace=max_threads_per_workspace)

    def close(self) -> None:
        """Start no further sync listeners. Running threads cannot be cancelled and are not waited for."""
        self._threads.close()
        if self.app.mounted is not None:
            self.app.mounted.close()

    def _client_without_token(self) -> AsyncWebClient | WebClient:
        async def make_on_loop() -> AsyncWebClient:
            return make()

        make = partial(self._clients.retrying_client, None, WorkspaceId(None, None, False))
        loop = self._threads.loop_of_this_thread()
        return make() if loop is None else blocking_client(run_on_loop(make_on_loop(), loop), loop)

    def cached_access(self, payload: Payload, listeners: Sequence[Listener]) -> Access | None:
        """Return the tokens for these listeners if they are cached; None if they must be looked up."""
        return self._resolver.cached(payload.workspace, payload.user_id, with_user=self._need_user(listeners))

    async def find_access(self, payload: Payload, listeners: Sequence[Listener]) -> Access:
        """Return the tokens for these listeners. Raises StoreUnavailable or UnreadableRecord."""
        return await self._resolver.find(payload.workspace, payload.user_id, with_user=self._need_user(listeners))

    def _need_user(self, listeners: Sequence[Listener]) -> bool:
        for listener in listeners:  # not any(), which costs each event more
            if listener.needs_user:
                return True
        return self.app.needs_user

    def make_call(
        self,
        payload: Payload,
        listener: Listener | None,
        access: Access,
        request_id: str,
        *,
        attempt: int = 1,
        shared: Context | None = None,
        on_ack: Callable[[Reply], None] | None = None,
        on_refuse: Callable[[str], None] | None = None,
        slot: Slot | None = None,
        completion: Completion | None = None,
    ) -> Call:
        """Return the call of one listener, or of the middleware; what that adds to its context is then `shared`.

        `on_ack` is called with the reply of each `ack`, `on_refuse` with the reason of each `refuse`.
        `slot` is released while the listener waits for Slack. `completion` is that of the run that the event starts.
        """
        url = response_url_of(payload.body)
        return Call(
            payload,
            access,
            self._clients,
            self._installations,
            self._client_for,
            None if url is None else ResponseUrl(url, self._clients.post_response_url),
            request_id,
            attempt,
            keyword=None if listener is None else listener.keyword,
            shared=shared,
            on_ack=on_ack,
            on_refuse=on_refuse,
            slot=slot,
            completion=completion,
        )

    async def run(self, listener: Listener, call: Call) -> Exception | None:
        """Run one listener to its end; return what it raised, after logging it and calling the error handlers.

        If one of its matchers or its middleware declines the payload, `call.is_declined` says so afterwards.
        """
        if listener.mounted is not None:
            return await self._run_mounted(listener, call)
        metrics, started = self._metrics, time.monotonic()
        metrics.listeners_running += 1
        try:
            if listener.calls_slack and not self._clients.is_loaded:
                await self._clients.load()
            if listener.checks and not await self._pass_checks(listener, call):
                return None
            plan = listener.plan
            if plan.is_async:
                await plan.function(**plan.arguments(call))
            else:
                await self._threads.run(plan, call)
        except RAISED as raised:
            error = as_error(raised)
            metrics.listener_failures[listener.id].inc()
            logger.exception("%s raised %s request_id=%s", listener.name, type(raised).__name__, call.request_id)
            self._on_error(error)
            await self._call_error_handlers(call, error)
            return error
        finally:
            metrics.listeners_running -= 1
            metrics.listener_seconds[listener.id].observe(time.monotonic() - started)
        return None

    async def _run_mounted(self, listener: Listener, call: Call) -> Exception | None:
        """Run a mounted app, which counts and logs its own listeners, and calls its own error handlers."""
        call.is_declined = False
        try:
            await listener.plan.function(call)
        except RAISED as raised:
            error = as_error(raised)
            self._on_error(error)
            return error
        return None

    async def run_middleware(self, call: Call) -> Exception | None:
        """Run the App's middleware; return what one raised, after logging it and calling the error handlers.

        If one does not call `next()`, the others do not run, and `call.is_declined` says so afterwards.
        """
        for plan in self.app.middleware_plans:
            try:
                if plan.calls_slack and not self._clients.is_loaded:
                    await self._clients.load()
                if not await self._pass_middleware(plan, call):
                    return None
            except RAISED as raised:
                error = as_error(raised)
                logger.exception(
                    "the middleware %s raised %s request_id=%s", plan.name, type(raised).__name__, call.request_id
                )
                self._on_error(error)
                await self._call_error_handlers(call, error)
                return error
        return None

    async def _pass_checks(self, listener: Listener, call: Call) -> bool:
        """Whether the matchers and the middleware of a listener let the payload pass."""
        call.is_declined = False
        for check in listener.checks:
            if not check.is_matcher:
                await self._pass_middleware(check.plan, call)
            elif not await self._invoke(check.plan, call):
                call.is_declined = True
            if call.is_declined:
                return False
        return True

    async def _pass_middleware(self, plan: CallPlan, call: Call) -> bool:
        """Whether a function calls `next()`. If it does not, a response that it returns is the reply."""
        passed: list[bool] = []
        call.on_next = lambda: passed.append(True)
        try:
            result = await self._invoke(plan, call)
        finally:
            call.on_next = None
        call.is_declined = not passed
        if call.is_declined:
            _reply_with(result, call)
        return not call.is_declined

    async def _invoke(self, plan: CallPlan, call: Call) -> Any:
        """Return what a function returns."""
        if plan.is_async:
            return await plan.function(**plan.arguments(call))
        return await self._threads.run(plan, call)

    async def _call_error_handlers(self, call: Call, error: Exception) -> None:
        """Call them; a response that one of them returns or changes is the reply."""
        call.error, call.response = error, Response(status=500)
        for handler in self.app.error_handlers:
            try:
                _reply_with(await self._invoke(handler.plan, call), call)
            except RAISED as raised:
                as_error(raised)
                logger.exception("the error handler %s raised request_id=%s", handler.name, call.request_id)
        if not call.response.is_untouched:
            _reply_with(call.response, call)


def _reply_with(result: object, call: Call) -> None:
    """Reply with a response that a function has returned; whatever else it may return means nothing."""
    if call.on_ack is not None and is_response(result):
        call.on_ack(reply_from(result))


def as_error(raised: BaseException) -> Exception:
    """Return the error that a listener ended with. If the server cancels the listener, raise that again.

    A listener can also end with `sys.exit()`, which argparse calls for wrong arguments, or because it awaits something
    that its own code has cancelled. Either would end more than the listener.
    """
    if isinstance(raised, Exception):
        return raised
    if isinstance(raised, asyncio.CancelledError) and _is_cancelled():
        raise raised
    error = RuntimeError(f"the listener ended with {type(raised).__name__}")
    error.__cause__ = raised
    return error.with_traceback(raised.__traceback__)


def _is_cancelled() -> bool:
    """Whether the current task, if this is one, has been cancelled by other code."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # a thread without an event loop
        return False
    return task is not None and task.cancelling() > 0
