"""Attaches an AsyncApp: its requests carry a tracker, and its tokens come from the store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization.async_authorize import AsyncCallableAuthorize
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.kwargs_injection.async_utils import build_async_required_kwargs
from slack_bolt.listener.async_listener import AsyncListener
from slack_bolt.listener.async_listener_completion_handler import AsyncListenerCompletionHandler
from slack_bolt.listener.async_listener_error_handler import (
    AsyncDefaultListenerErrorHandler,
    AsyncListenerErrorHandler,
)
from slack_bolt.listener.asyncio_runner import AsyncioListenerRunner
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.middleware.async_middleware_error_handler import (
    AsyncDefaultMiddlewareErrorHandler,
    AsyncMiddlewareErrorHandler,
)
from slack_bolt.middleware.attaching_function_token.async_attaching_function_token import AsyncAttachingFunctionToken
from slack_bolt.middleware.authorization.async_authorization import AsyncAuthorization
from slack_bolt.middleware.request_verification.async_request_verification import AsyncRequestVerification
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_bolt.util.utils import get_arg_names_of_callable

from latchkey.bolt.naming import name_of
from latchkey.bolt.own_tokens import OwnTokens, own_tokens_of
from latchkey.bolt.step_clients import AsyncFunctionTokenFallback, complete_once_async
from latchkey.bolt.tracker import Observed, Tracker, errors_logged, tracker_of


class TrackedAsyncRequest(AsyncBoltRequest):
    """A request of Slack's, and the tracker of what it starts."""

    tracker: Tracker


class AsyncSide:
    """Dispatches requests to an AsyncApp, on the event loop."""

    def __init__(self, app: AsyncApp, *, is_ours: bool) -> None:
        """Take over the app's built-in middleware and its runner; `is_ours`: its tokens are only those of the store."""
        self._app = app
        self.own_tokens = OwnTokens.NONE if is_ours else _own_tokens(app)
        app._async_middleware_list[:] = _middleware(app, self.own_tokens)
        app._async_listener_runner = _Runner(app._async_listener_runner)
        app._async_middleware_error_handler = _MiddlewareErrors(app._async_middleware_error_handler)

    def start(self) -> None:
        """Do nothing: everything runs on the event loop."""

    async def dispatch(
        self, tracker: Tracker, body: str, headers: dict[str, str], context: dict[str, Any]
    ) -> BoltResponse:
        """Return the app's response; what it has started may still run."""
        request = TrackedAsyncRequest(body=body, headers=dict(headers), context=context)
        request.tracker = tracker
        try:
            return await self._app.async_dispatch(request)
        finally:
            tracker.end()

    async def call(self, function: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        """Return what a function of the author's returns, which is not a listener."""
        return await function(*arguments)

    def close(self) -> None:
        """Do nothing: everything runs on the event loop."""


def _own_tokens(app: AsyncApp) -> OwnTokens:
    authorize = app._async_authorize
    return own_tokens_of(
        authorize=authorize, is_callable=isinstance(authorize, AsyncCallableAuthorize), token=app._token
    )


def _middleware(app: AsyncApp, own_tokens: OwnTokens) -> list[AsyncMiddleware]:
    found: list[AsyncMiddleware] = []
    for middleware in app._async_middleware_list:
        # Requests are verified when they arrive; Bolt would refuse the timestamp of an event that runs later.
        if type(middleware) is not AsyncRequestVerification:
            is_replaced = isinstance(middleware, AsyncAuthorization) and own_tokens is not OwnTokens.AUTHORIZE
            found.append(_StoreAuthorization(middleware) if is_replaced else middleware)
        if isinstance(middleware, AsyncAttachingFunctionToken):
            found.append(AsyncFunctionTokenFallback())
    return found


class _StoreAuthorization(AsyncMiddleware):
    """Authorizes a request with the tokens in the store; if there are none, as the app itself would."""

    def __init__(self, own: AsyncMiddleware) -> None:
        self._own = own

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002  # Bolt's name
    ) -> BoltResponse | None:
        tracker = tracker_of(req)
        found = tracker.authorize_result if tracker is not None else None
        if found is None:
            return await self._own.async_process(req=req, resp=resp, next=next)
        req.context.set_authorize_result(found)
        req.context["token"] = req.context.client.token = found.bot_token or found.user_token
        return await next()


class _Runner(AsyncioListenerRunner):
    """Bolt's runner, which reports the beginning and the end of each listener to the request's tracker."""

    def __init__(self, runner: AsyncioListenerRunner) -> None:
        super().__init__(
            logger=runner.logger,
            process_before_response=runner.process_before_response,
            listener_error_handler=_ListenerErrors(runner.listener_error_handler),
            listener_start_handler=runner.listener_start_handler,
            listener_completion_handler=_Completion(runner.listener_completion_handler),
            lazy_listener_runner=runner.lazy_listener_runner,
        )
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(
        self,
        request: AsyncBoltRequest,
        response: BoltResponse,
        listener_name: str,
        listener: AsyncListener,
        starting_time: float | None = None,
    ) -> BoltResponse | None:
        tracker = tracker_of(request)
        if tracker is None:
            return await super().run(request, response, listener_name, listener, starting_time)
        if tracker.call.completion is not None:
            complete_once_async(request.context.client, tracker.call.completion)
        tracker.begin()
        return await super().run(request, response, listener_name, _Observed(listener, tracker), starting_time)

    def _start_lazy_function(self, lazy_func: Callable[..., Awaitable[None]], request: AsyncBoltRequest) -> None:
        tracker = tracker_of(request)
        if tracker is None:
            super()._start_lazy_function(lazy_func, request)
            return
        copied = self._build_lazy_request(request, name_of(lazy_func))
        tracker.begin()
        # The loop keeps only weak references to its tasks.
        task = asyncio.get_running_loop().create_task(self._run_lazy(lazy_func, copied, tracker))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_lazy(
        self, function: Callable[..., Awaitable[None]], request: AsyncBoltRequest, tracker: Tracker
    ) -> None:
        try:
            with tracker.observed(name_of(function)):
                await function(
                    **build_async_required_kwargs(
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


class _Observed(Observed, AsyncListener):
    """A listener whose run is measured, and whose exception is reported."""

    _listener: AsyncListener

    async def run_ack_function(self, *, request: AsyncBoltRequest, response: BoltResponse) -> BoltResponse | None:
        with self._tracker.observed(name_of(self.ack_function)):
            return await self._listener.run_ack_function(request=request, response=response)


class _Completion(AsyncListenerCompletionHandler):
    """Called by Bolt when a listener and its error handler have ended."""

    def __init__(self, handler: AsyncListenerCompletionHandler) -> None:
        self._handler = handler

    async def handle(self, request: AsyncBoltRequest, response: BoltResponse | None) -> None:
        try:
            await self._handler.handle(request, response)
        finally:
            if (tracker := tracker_of(request)) is not None:
                tracker.end()


class _ListenerErrors(AsyncListenerErrorHandler):
    """Calls the app's own error handler; Bolt's default would only log what the tracker has logged."""

    def __init__(self, handler: AsyncListenerErrorHandler) -> None:
        self._handler = handler

    async def handle(self, error: Exception, request: AsyncBoltRequest, response: BoltResponse | None) -> None:
        tracker = tracker_of(request)
        if tracker is None or isinstance(error, BoltUnhandledRequestError):
            if tracker is not None:
                tracker.is_unhandled = True
            await self._handler.handle(error, request, response)
        elif type(self._handler) is not AsyncDefaultListenerErrorHandler:
            with errors_logged("the app's error handler"):
                await self._handler.handle(error, request, response)


class _MiddlewareErrors(AsyncMiddlewareErrorHandler):
    """Reports an exception in a middleware or a matcher to the tracker, and calls the app's own error handler."""

    def __init__(self, handler: AsyncMiddlewareErrorHandler) -> None:
        self._handler = handler

    async def handle(self, error: Exception, request: AsyncBoltRequest, response: BoltResponse | None) -> None:
        tracker = tracker_of(request)
        if tracker is not None:
            tracker.abandon(error)
        if tracker is None:
            await self._handler.handle(error, request, response)
        elif type(self._handler) is not AsyncDefaultMiddlewareErrorHandler:
            with errors_logged("the app's error handler"):
                await self._handler.handle(error, request, response)
