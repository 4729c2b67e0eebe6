"""Calls an app's own success and failure handlers (`callback_options`) at the end of an install."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.oauth.async_callback_options import AsyncFailureArgs, AsyncSuccessArgs
from slack_bolt.oauth.callback_options import FailureArgs, SuccessArgs
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.request.request import BoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.oauth.installation_store import Installation

from latchkey.bolt.oauth import handler_of
from latchkey.bolt.responses import reply_from
from latchkey.dispatch import InstallFailure, InstallRequest, Reply


class InstallPages:
    """The handlers of one app."""

    def __init__(self, app: Any, call: Callable[..., Awaitable[Any]]) -> None:
        """`call` runs a function of the author's with its arguments, off the loop if it is not async."""
        self._flow = app.oauth_flow
        self._call = call
        self._is_async = isinstance(app, AsyncApp)

    async def success(self, request: InstallRequest, installation: Installation) -> Reply | None:
        """Return the response of the success handler; None if the app has none. Raises what it raises."""
        args = AsyncSuccessArgs if self._is_async else SuccessArgs
        return await self._respond("success", args, request, installation=installation)

    async def failure(self, request: InstallRequest, failure: InstallFailure) -> Reply | None:
        """Return the response of the failure handler; None if the app has none. Raises what it raises."""
        return await self._respond(
            "failure",
            AsyncFailureArgs if self._is_async else FailureArgs,
            request,
            reason=failure.reason,
            error=failure.error,
            suggested_status_code=failure.status,
        )

    async def _respond(self, kind: str, arguments: Any, request: InstallRequest, **values: Any) -> Reply | None:
        handler = None if self._flow is None else handler_of(self._flow, kind)
        if handler is None:
            return None
        made = (AsyncBoltRequest if self._is_async else BoltRequest)(
            body="", query=request.query, headers={name: list(given) for name, given in request.headers.items()}
        )
        default = getattr(self._flow, "default_callback_options", None)
        response = await self._call(
            handler, arguments(request=made, settings=self._flow.settings, default=default, **values)
        )
        if not isinstance(response, BoltResponse):
            raise TypeError(f"it returned an object of type {type(response).__name__} instead of a BoltResponse")
        return reply_from(response)
