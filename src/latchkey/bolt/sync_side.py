"""Attaches an App: its requests carry a tracker, its tokens come from the store, and it runs in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from slack_bolt.app.app import App
from slack_bolt.authorization.authorize import CallableAuthorize
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.kwargs_injection.utils import build_required_kwargs
from slack_bolt.listener.listener import Listener
from slack_bolt.listener.listener_completion_handler import ListenerCompletionHandler
from slack_bolt.listener.listener_error_handler import DefaultListenerErrorHandler, ListenerErrorHandler
from slack_bolt.listener.thread_runner import ThreadListenerRunner
from slack_bolt.middleware.attaching_function_token.attaching_function_token import AttachingFunctionToken
from slack_bolt.middleware.authorization.authorization import Authorization
from slack_bolt.middleware.middleware import Middleware
from slack_bolt.middleware.middleware_error_handler import DefaultMiddlewareErrorHandler, MiddlewareErrorHandler
from slack_bolt.middleware.request_verification.request_verification import RequestVerification
from slack_bolt.request.request import BoltRequest
from slack_bolt.response import BoltResponse
from slack_bolt.util.utils import get_arg_names_of_callable

from latchkey.bolt.naming import name_of
from latchkey.bolt.own_tokens import OwnTokens, own_tokens_of
from latchkey.bolt.step_clients import FunctionTokenFallback, complete_once
from latchkey.bolt.tracker import Observed, Tracker, errors_logged, tracker_of
from latchkey.dispatch import SlotPool

MAX_DISPATCHES = 64
"""Requests that are dispatched at once, each in a thread."""


class TrackedRequest(BoltRequest):
    """A request of Slack's, and the tracker of what it starts."""

    tracker: Tracker


class SyncSide:
    """Dispatches requests to an App in threads.

    The app's own executor, which has five threads unless its author says otherwise, runs the listeners. Events wait
    for a slot until one of these threads is free for them, so that they leave threads to commands.
    """

    def __init__(self, app: App, *, is_ours: bool) -> None:
        """Take over the app's built-in middleware and its runner; `is_ours`: its tokens are only those of the store."""
        self._app = app
        self.own_tokens = OwnTokens.NONE if is_ours else _own_tokens(app)
        app._middleware_list[:] = _middleware(app, self.own_tokens)
        runner = app._listener_runner
        app._listener_runner = _Runner(runner)
        app._middleware_error_handler = _MiddlewareErrors(app._middleware_error_handler)
        max_events = max(1, getattr(runner.listener_executor, "_max_workers", MAX_DISPATCHES) - 1)
        self._event_slots = SlotPool(max_slots=max_events, max_per_workspace=max(1, max_events - 1))

    def start(self) -> None:
        """Get ready to dispatch."""
        self._threads = ThreadPoolExecutor(MAX_DISPATCHES, thread_name_prefix="bolt")

    async def dispatch(
        self, tracker: Tracker, body: str, headers: dict[str, str], context: dict[str, Any]
    ) -> BoltResponse:
        """Return the app's response; for an event, when its listener has ended."""
        dispatch = partial(self._dispatch, tracker, body, dict(headers), context)
        loop = asyncio.get_running_loop()
        if tracker.call.on_ack is not None or tracker.call.payload.has_trigger:
            return await loop.run_in_executor(self._threads, dispatch)
        async with self._event_slots.slot(tracker.call.payload.workspace, outer=tracker.call.slot):
            response = await loop.run_in_executor(self._threads, dispatch)
            await tracker.ended()
        return response

    def _dispatch(self, tracker: Tracker, body: str, headers: Any, context: dict[str, Any]) -> BoltResponse:
        request = TrackedRequest(body=body, headers=headers, context=context)
        request.tracker = tracker
        try:
            return self._app.dispatch(request)
        finally:
            tracker.end()

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function of the author's returns, which is not a listener; it runs in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    def close(self) -> None:
        """Dispatch nothing further. Running threads cannot be cancelled and are not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _own_tokens(app: App) -> OwnTokens:
    authorize = app._authorize
    return own_tokens_of(authorize=authorize, is_callable=isinstance(authorize, CallableAuthorize), token=app._token)


def _middleware(app: App, own_tokens: OwnTokens) -> list[Middleware]:
    found: list[Middleware] = []
    for middleware in app._middleware_list:
        # Requests are verified when they arrive; Bolt would refuse the timestamp of an event that runs later.
        if type(middleware) is not RequestVerification:
            is_replaced = isinstance(middleware, Authorization) and own_tokens is not OwnTokens.AUTHORIZE
            found.append(_StoreAuthorization(middleware) if is_replaced else middleware)
        if isinstance(middleware, AttachingFunctionToken):
            found.append(FunctionTokenFallback())
    return found


class _StoreAuthorization(Middleware):
    """Authorizes a request with the tokens in the store; if there are none, as the app itself would."""

    def __init__(self, own: Middleware) -> None:
        self._own = own

    def process(
        self,
        *,
        req: BoltRequest,
        resp: BoltResponse,
        next: Callable[[], BoltResponse],  # noqa: A002  # Bolt's name
    ) -> BoltResponse | None:
        tracker = tracker_of(req)
        found = tracker.authorize_result if tracker is not None else None
        if found is None:
            return self._own.process(req=req, resp=resp, next=next)
        req.context.set_authorize_result(found)
        req.context["token"] = req.context.client.token = found.bot_token or found.user_token
        return next()


class _Runner(ThreadListenerRunner):
    """Bolt's runner, which reports the beginning and the end of each listener to the request's tracker."""

    def __init__(self, runner: ThreadListenerRunner) -> None:
        super().__init__(
            logger=runner.logger,
            process_before_response=runner.process_before_response,
            listener_error_handler=_ListenerErrors(runner.listener_error_handler),
            listener_start_handler=runner.listener_start_handler,
            listener_completion_handler=_Completion(runner.listener_completion_handler),
            listener_executor=runner.listener_executor,
            lazy_listener_runner=runner.lazy_listener_runner,
        )

    def run(
        self,
        request: BoltRequest,
        response: BoltResponse,
        listener_name: str,
        listener: Listener,
        starting_time: float | None = None,
    ) -> BoltResponse | None:
        tracker = tracker_of(request)
        if tracker is None:
            return super().run(request, response, listener_name, listener, starting_time)
        if tracker.call.completion is not None:
            complete_once(request.context.client, tracker.call.completion, tracker.loop)
        tracker.begin()
        return super().run(request, response, listener_name, _Observed(listener, tracker), starting_time)

    def _start_lazy_function(self, lazy_func: Callable[..., None], request: BoltRequest) -> None:
        tracker = tracker_of(request)
        if tracker is None:
            super()._start_lazy_function(lazy_func, request)
            return
        copied = self._build_lazy_request(request, name_of(lazy_func))
        tracker.begin()
        self.listener_executor.submit(self._run_lazy, lazy_func, copied, tracker)

    def _run_lazy(self, function: Callable[..., None], request: BoltRequest, tracker: Tracker) -> None:
        try:
            with tracker.observed(name_of(function)):
                function(
                    **build_required_kwargs(
                        logger=self.logger,
                        required_arg_names=get_arg_names_of_callable(function),
                        request=request,
                        response=None,
                        this_func=function,
                    )
                )
        except Exception:  # noqa: S110  # the tracker has logged and kept it
            pass
        finally:
            tracker.end()


class _Observed(Observed, Listener):
    """A listener whose run is measured, and whose exception is reported."""

    _listener: Listener

    def run_ack_function(self, *, request: BoltRequest, response: BoltResponse) -> BoltResponse | None:
        with self._tracker.observed(name_of(self.ack_function)):
            return self._listener.run_ack_function(request=request, response=response)


class _Completion(ListenerCompletionHandler):
    """Called by Bolt when a listener and its error handler have ended."""

    def __init__(self, handler: ListenerCompletionHandler) -> None:
        self._handler = handler

    def handle(self, request: BoltRequest, response: BoltResponse | None) -> None:
        try:
            self._handler.handle(request, response)
        finally:
            if (tracker := tracker_of(request)) is not None:
                tracker.end()


class _ListenerErrors(ListenerErrorHandler):
    """Calls the app's own error handler; Bolt's default would only log what the tracker has logged."""

    def __init__(self, handler: ListenerErrorHandler) -> None:
        self._handler = handler

    def handle(self, error: Exception, request: BoltRequest, response: BoltResponse | None) -> None:
        tracker = tracker_of(request)
        if tracker is None or isinstance(error, BoltUnhandledRequestError):
            if tracker is not None:
                tracker.is_unhandled = True
            self._handler.handle(error, request, response)
        elif type(self._handler) is not DefaultListenerErrorHandler:
            with errors_logged("the app's error handler"):
                self._handler.handle(error, request, response)


class _MiddlewareErrors(MiddlewareErrorHandler):
    """Reports an exception in a middleware or a matcher to the tracker, and calls the app's own error handler."""

    def __init__(self, handler: MiddlewareErrorHandler) -> None:
        self._handler = handler

    def handle(self, error: Exception, request: BoltRequest, response: BoltResponse | None) -> None:
        tracker = tracker_of(request)
        if tracker is not None:
            tracker.abandon(error)
        if tracker is None:
            self._handler.handle(error, request, response)
        elif type(self._handler) is not DefaultMiddlewareErrorHandler:
            with errors_logged("the app's error handler"):
                self._handler.handle(error, request, response)
