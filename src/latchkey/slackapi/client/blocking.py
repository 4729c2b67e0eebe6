"""A WebClient for threads, whose calls run on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from slack_sdk.web import SlackResponse, WebClient

from latchkey.slackapi.client.factory import REQUEST_TIMEOUT
from latchkey.slackapi.client.rate_limits import MAX_WAIT_SECONDS

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient
    from slack_sdk.web.file_upload_v2_result import FileUploadV2Result

BLOCKING_CALL_TIMEOUT = MAX_WAIT_SECONDS + 4 * REQUEST_TIMEOUT
"""Seconds that a thread waits for a call to Slack on the loop, all retries included."""

T = TypeVar("T")


def run_on_loop(coroutine: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> T:
    """Run a coroutine on a loop of another thread, and wait for its result. Raises TimeoutError."""
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result(BLOCKING_CALL_TIMEOUT)


def blocking_client(client: AsyncWebClient, loop: asyncio.AbstractEventLoop) -> WebClient:
    """Return a WebClient whose calls go through the async client, with its connections, limits and retries."""
    return _BlockingClient(client, loop)


class _BlockingClient(WebClient):
    def __init__(self, client: AsyncWebClient, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(token=client.token, base_url=client.base_url, team_id=client.default_params.get("team_id"))
        self._async_client = client
        self._loop = loop

    def _upload_file(self, **upload: Any) -> FileUploadV2Result:
        # slack_sdk uploads files without `api_call`.
        return run_on_loop(self._async_client._upload_file(**upload), self._loop)  # noqa: SLF001

    def api_call(self, api_method: str, **arguments: Any) -> SlackResponse:
        response = run_on_loop(self._async_client.api_call(api_method, **arguments), self._loop)
        return SlackResponse(
            client=self,
            http_verb=response.http_verb,
            api_url=response.api_url,
            req_args=response.req_args,
            data=response.data,
            headers=response.headers,
            status_code=response.status_code,
        )
