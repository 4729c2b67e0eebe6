"""One call of a listener: `ack`, `say`, `respond` and `client`, each built when it is used.

An async listener awaits them. A sync listener gets blocking versions, which run on the event loop meanwhile.
Mirrors `slack_bolt.context.ack`, `.say` and `.respond`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from slack_sdk.oauth.installation_store import Bot
from slack_sdk.web import SlackResponse, WebClient

from latchkey.dispatch.listeners.constraints import Text, keyword_matches
from latchkey.dispatch.listeners.context import Context, context_for
from latchkey.dispatch.listeners.message_fields import RESPOND, SAY, message_fields
from latchkey.dispatch.listeners.reply import Reply, from_ack
from latchkey.dispatch.slots import Slot
from latchkey.slackapi.client import MAX_WAIT_SECONDS, REQUEST_TIMEOUT, ResponseUrl, WebClients
from latchkey.slackapi.requests import Payload

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient
    from slack_sdk.web.file_upload_v2_result import FileUploadV2Result

    from latchkey.storage import Installations

BLOCKING_CALL_TIMEOUT = MAX_WAIT_SECONDS + 4 * REQUEST_TIMEOUT
"""Seconds that a sync listener's thread waits for a call to Slack on the loop, all retries included."""


@dataclass(eq=False, repr=False)
class Call:
    """Provides the arguments of an async listener."""

    payload: Payload
    bot: Bot
    clients: WebClients
    installations: Installations
    response_url: ResponseUrl | None
    """Where the payload may be responded to."""
    request_id: str
    attempt: int = 1
    keyword: Text | None = None
    """The pattern of a `message` listener."""
    on_ack: Callable[[Reply], None] | None = None
    """Called with the reply of each `ack`; None for events, which are acknowledged already."""
    slot: Slot | None = None
    """Released while a call to Slack waits."""
    error: Exception | None = None
    """For error handlers: what the listener raised."""

    def with_slot(self, slot: Slot) -> Call:
        """Return this call with another slot; what the listener adds to the context is seen in both."""
        call = replace(self, slot=slot)
        call.context = self.context
        return call

    @cached_property
    def context(self) -> Context:
        context = context_for(self.payload, self.bot, self.request_id, self.attempt)
        if self.keyword is not None:
            context["matches"] = keyword_matches(self.keyword, self.payload)
        return context

    @cached_property
    def client(self) -> AsyncWebClient:
        return self.clients.retrying_client(self.bot.bot_token, self.payload.workspace, self.slot)

    async def ack(self, *arguments: Any, **fields: Any) -> None:
        """Acknowledge the request; the first call counts."""
        reply = from_ack(*arguments, **fields)
        if self.on_ack is not None:
            self.on_ack(reply)

    async def say(self, *arguments: Any, **fields: Any) -> Any:
        """Post to the payload's channel (method chat.postMessage). Raises ValueError if there is none.

        If the payload is about an assistant's thread, the message is posted in it.
        """
        message = message_fields("say", SAY, arguments, fields, others=True)
        own_channel, own_thread = self.payload.channel_id, self.payload.assistant_thread_ts
        channel = message.setdefault("channel", own_channel)
        if not channel:
            raise ValueError("say() needs channel=: this payload has none")
        if own_thread is not None and channel == own_channel:
            message.setdefault("thread_ts", own_thread)
        return await self.client.chat_postMessage(**message)

    async def respond(self, *arguments: Any, **fields: Any) -> None:
        """Post to the payload's `response_url`, at most five times within 30 minutes.

        Only the acting user sees it unless `response_type="in_channel"`. Raises ValueError if the payload has no
        response_url, TypeError, ResponseUrlSpent, or SlackUnavailable.
        """
        if self.response_url is None:
            raise ValueError(
                "respond() works for commands, actions and message shortcuts; this payload has no response_url"
            )
        await self.response_url.post(message_fields("respond", RESPOND, arguments, fields))


class BlockingCall:
    """Provides the arguments of a sync listener: each call blocks its thread while the event loop does the work."""

    def __init__(self, call: Call, loop: asyncio.AbstractEventLoop) -> None:
        self.payload = call.payload
        self.context = call.context
        self.installations = call.installations
        self.error = call.error
        self._call = call
        self._loop = loop

    @cached_property
    def client(self) -> WebClient:
        return _BlockingClient(self._call.client, self._wait)

    def ack(self, *arguments: Any, **fields: Any) -> None:
        self._wait(self._call.ack(*arguments, **fields))

    def say(self, *arguments: Any, **fields: Any) -> Any:
        return self._wait(self._call.say(*arguments, **fields))

    def respond(self, *arguments: Any, **fields: Any) -> None:
        self._wait(self._call.respond(*arguments, **fields))

    def _wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(BLOCKING_CALL_TIMEOUT)


class _BlockingClient(WebClient):
    """A WebClient whose calls go through the async client, so that both share its connections, limits and retries."""

    def __init__(self, client: AsyncWebClient, wait: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        super().__init__(token=client.token, base_url=client.base_url, team_id=client.default_params.get("team_id"))
        self._async_client = client
        self._wait = wait

    def _upload_file(self, **upload: Any) -> FileUploadV2Result:
        # slack_sdk uploads files without `api_call`.
        result: FileUploadV2Result = self._wait(self._async_client._upload_file(**upload))  # noqa: SLF001
        return result

    def api_call(self, api_method: str, **arguments: Any) -> SlackResponse:
        response = self._wait(self._async_client.api_call(api_method, **arguments))
        return SlackResponse(
            client=self,
            http_verb=response.http_verb,
            api_url=response.api_url,
            req_args=response.req_args,
            data=response.data,
            headers=response.headers,
            status_code=response.status_code,
        )
