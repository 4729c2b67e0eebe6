"""The clients of custom steps: the workspace's token replaces the step's, and each run is completed once.

Bolt gives the client of a step's listener the step's own token, which Slack revokes when the step is complete. Slack's
own template calls `complete` and then changes a message.

Invariant: a call whose caller has chosen the token is never sent with another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.middleware.middleware import Middleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.request.request import BoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.web.client import WebClient
from slack_sdk.web.slack_response import SlackResponse

from latchkey.slackapi.client import Completion, already_complete, error_code, has_own_token, run_on_loop

_REFUSED = frozenset({"account_inactive", "invalid_auth", "token_expired", "token_revoked"})


class FunctionTokenFallback(Middleware):
    """Runs after Bolt's AttachingFunctionToken."""

    def process(
        self,
        *,
        req: BoltRequest,
        resp: BoltResponse,
        next: Callable[[], BoltResponse],  # noqa: A002  # Bolt's name
    ) -> BoltResponse | None:
        if req.context.function_bot_access_token and req.context.token:
            _fall_back(req.context.client, req.context.token)
        return next()


class AsyncFunctionTokenFallback(AsyncMiddleware):
    """Runs after Bolt's AsyncAttachingFunctionToken."""

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002  # Bolt's name
    ) -> BoltResponse | None:
        if req.context.function_bot_access_token and req.context.token:
            _fall_back_async(req.context.client, req.context.token)
        return await next()


def complete_once(client: WebClient, completion: Completion, loop: asyncio.AbstractEventLoop) -> None:
    """Let the client, which is used in a thread, complete a run at most once; `loop` is the completion's."""
    call = client.api_call

    def api_call(api_method: str, **arguments: Any) -> SlackResponse:
        if not completion.is_for(api_method, arguments):
            return call(api_method, **arguments)
        send = partial(asyncio.to_thread, call, api_method, **arguments)
        response = run_on_loop(completion.once(send), loop)
        return response or SlackResponse(client=client, **already_complete(f"{client.base_url}{api_method}"))

    client.api_call = api_call  # type: ignore[method-assign]


def complete_once_async(client: AsyncWebClient, completion: Completion) -> None:
    """Let the client complete a run at most once."""
    call = client.api_call

    async def api_call(api_method: str, **arguments: Any) -> AsyncSlackResponse:
        if not completion.is_for(api_method, arguments):
            return await call(api_method, **arguments)
        response = await completion.once(partial(call, api_method, **arguments))
        return response or AsyncSlackResponse(client=client, **already_complete(f"{client.base_url}{api_method}"))

    client.api_call = api_call  # type: ignore[method-assign]


def _fall_back(client: WebClient, token: str) -> None:
    step_token, call = client.token, client.api_call

    def api_call(*arguments: Any, **options: Any) -> Any:
        sent = None if has_own_token(options) else client.token
        try:
            return call(*arguments, **options)
        except SlackApiError as error:
            if sent != step_token or not _may_repeat(error, options):
                raise
            client.token = token
            return call(*arguments, **options)

    client.api_call = api_call  # type: ignore[method-assign]


def _fall_back_async(client: AsyncWebClient, token: str) -> None:
    step_token, call = client.token, client.api_call

    async def api_call(*arguments: Any, **options: Any) -> Any:
        sent = None if has_own_token(options) else client.token
        try:
            return await call(*arguments, **options)
        except SlackApiError as error:
            if sent != step_token or not _may_repeat(error, options):
                raise
            client.token = token
            return await call(*arguments, **options)

    client.api_call = api_call  # type: ignore[method-assign]


def _may_repeat(error: SlackApiError, options: dict[str, Any]) -> bool:
    """Whether Slack refused the token; files are read only once and are not sent again."""
    return error_code(error) in _REFUSED and not options.get("files")
