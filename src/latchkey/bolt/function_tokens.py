"""Lets the workspace's token replace the token of a custom step, which Slack revokes when the step is complete.

Bolt gives the client of a step's listener that token. Slack's own template calls `complete` and then changes a message.

Invariant: a call whose caller has chosen the token is never sent with another one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.middleware.middleware import Middleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.request.request import BoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.client import WebClient

from latchkey.slackapi.client import has_own_token

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
    return error.response.get("error") in _REFUSED and not options.get("files")
