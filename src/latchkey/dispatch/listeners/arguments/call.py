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

from slack_sdk.web import WebClient

from latchkey.dispatch.listeners.arguments.context import Context, context_for
from latchkey.dispatch.listeners.arguments.message_fields import RESPOND, SAY, message_fields
from latchkey.dispatch.listeners.arguments.reply import Reply, from_ack
from latchkey.dispatch.listeners.arguments.request import Request, Response
from latchkey.dispatch.listeners.matching import Text, keyword_matches
from latchkey.dispatch.slots import Slot
from latchkey.slackapi.client import ResponseUrl, WebClients, blocking_client, run_on_loop
from latchkey.slackapi.requests import Payload
from latchkey.tokens import Access, ClientFor

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

    from latchkey.storage import Installations


@dataclass(eq=False, repr=False)
class Call:
    """Provides the arguments of an async listener."""

    payload: Payload
    access: Access
    clients: WebClients
    installations: Installations
    client_for: ClientFor
    """For any workspace and person: see `TokenClients`."""
    response_url: ResponseUrl | None
    """Where the payload may be responded to."""
    request_id: str
    attempt: int = 1
    keyword: Text | None = None
    """The pattern of a `message` listener."""
    on_ack: Callable[[Reply], None] | None = None
    """Called with the reply of each `ack`; None for events, which are acknowledged already."""
    on_refuse: Callable[[str], None] | None = None
    """Called with the reason of each `refuse`; None if there is nothing to refuse."""
    slot: Slot | None = None
    """Released while a call to Slack waits."""
    error: Exception | None = None
    """For error handlers: what the listener raised."""
    on_next: Callable[[], None] | None = None
    """Called by the `next` of middleware; None for every other function."""
    is_declined: bool = False
    """Whether the middleware, or a check of the listener, has kept it from running."""
    shared: Context | None = None
    """The context of the middleware, whose entries the listener's own begins with."""
    origin: Call | None = None
    """The call that this one is a copy of; both have one context and one response."""

    def with_slot(self, slot: Slot) -> Call:
        """Return this call with another slot, and the same context and response."""
        return replace(self, slot=slot, origin=self)

    @cached_property
    def context(self) -> Context:
        if self.origin is not None:
            return self.origin.context
        if self.shared is None:
            context = context_for(self.payload, self.access, self.request_id, self.attempt)
        else:
            context = Context(self.shared)
        if self.keyword is not None:
            context["matches"] = keyword_matches(self.keyword, self.payload)
        return context

    @cached_property
    def response(self) -> Response:
        """The argument `response`, which counts if a function returns it, or if an error handler changes it."""
        return Response() if self.origin is None else self.origin.response

    @cached_property
    def client(self) -> AsyncWebClient:
        """The client with the bot's token, or the one that replaces it; in a custom step, with the step's own."""
        token, function_token = self.access.token, self.payload.function_token
        if function_token is None or token is None:
            acts_as_person = self.access.bot is None and self.access.installer is None
            return self._client_of(token, self.payload.user_id if acts_as_person else None)
        return self.clients.retrying_client(function_token, self.access.workspace, self.slot, fallback_token=token)

    @cached_property
    def user_client(self) -> AsyncWebClient | None:
        """The client with the acting person's own token; None if they have not authorized the app."""
        token = self.access.user_token
        return None if token is None else self._client_of(token, self.payload.user_id)

    def _client_of(self, token: str | None, user_id: str | None) -> AsyncWebClient:
        """Return a client with this token of the bot, or of a person; it replaces the token if that expires."""
        workspace = self.access.workspace

        async def fresh_token() -> str | None:
            return (await self.client_for(workspace.enterprise_id, workspace.team_id, user_id)).token

        return self.clients.retrying_client(token, workspace, self.slot, fresh_token=fresh_token)

    async def ack(self, *arguments: Any, **fields: Any) -> None:
        """Acknowledge the request; the first call counts."""
        reply = from_ack(*arguments, **fields)
        if self.on_ack is not None:
            self.on_ack(reply)

    @property
    def request(self) -> Request:
        return Request(self.payload.body, self.context)

    @property
    def next(self) -> Callable[[], Coroutine[Any, Any, None]] | None:
        """For middleware: lets the payload pass."""
        if self.on_next is None:
            return None

        async def pass_on() -> None:
            if self.on_next is not None:
                self.on_next()

        return pass_on

    def refuse(self, reason: str = "") -> None:
        """Refuse the install; the person sees the reason. Raises ValueError in any other listener."""
        if self.on_refuse is None:
            raise ValueError("refuse() works only in a before_install function")
        self.on_refuse(str(reason))

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
        self.installations = call.installations
        self.error = call.error
        self.next = call.on_next
        self._call = call
        self._loop = loop

    @property
    def context(self) -> Context:
        return self._call.context

    @property
    def request(self) -> Request:
        return self._call.request

    @property
    def response(self) -> Response:
        return self._call.response

    @cached_property
    def client(self) -> WebClient:
        return blocking_client(self._call.client, self._loop)

    @cached_property
    def user_client(self) -> WebClient | None:
        client = self._call.user_client
        return None if client is None else blocking_client(client, self._loop)

    def client_for(self, enterprise_id: str | None, team_id: str | None, user_id: str | None = None) -> WebClient:
        return blocking_client(self._wait(self._call.client_for(enterprise_id, team_id, user_id)), self._loop)

    def refuse(self, reason: str = "") -> None:
        self._call.refuse(reason)

    def ack(self, *arguments: Any, **fields: Any) -> None:
        self._wait(self._call.ack(*arguments, **fields))

    def say(self, *arguments: Any, **fields: Any) -> Any:
        return self._wait(self._call.say(*arguments, **fields))

    def respond(self, *arguments: Any, **fields: Any) -> None:
        self._wait(self._call.respond(*arguments, **fields))

    def _wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return run_on_loop(coroutine, self._loop)
