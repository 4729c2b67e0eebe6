"""One call of a listener: `ack`, `say`, `respond` and `client`, each built when it is used.

An async listener awaits them. Mirrors `slack_bolt.context.ack`, `.say` and `.respond`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from latchkey.dispatch.listeners.arguments.agent import AgentFunctions, context_metadata, event_context
from latchkey.dispatch.listeners.arguments.bolt_function import BoltFunction
from latchkey.dispatch.listeners.arguments.context import AuthorizeResult, Context, authorize_result_for, context_for
from latchkey.dispatch.listeners.arguments.custom_step import CompleteStep, FailStep
from latchkey.dispatch.listeners.arguments.message_fields import RESPOND, SAY, message_fields
from latchkey.dispatch.listeners.arguments.reply import Reply, from_ack
from latchkey.dispatch.listeners.arguments.request import Request, Response
from latchkey.dispatch.listeners.matching import Text, keyword_matches
from latchkey.dispatch.slots import Slot
from latchkey.slackapi.client import Completion, ResponseUrl, WebClients
from latchkey.slackapi.requests import Payload, assistant_thread_of
from latchkey.tokens import Access, ClientFor

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient
    from slack_sdk.web.async_slack_response import AsyncSlackResponse
    from slack_sdk.webhook import WebhookResponse

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
    completion: Completion | None = None
    """For the event that starts a run of a custom step: what is known about the run's end."""
    _context: Context | None = field(default=None, init=False)

    def with_slot(self, slot: Slot) -> Call:
        """Return this call with another slot, and the same context and response."""
        return replace(self, slot=slot, origin=self.origin or self)

    def end(self) -> None:
        """Drop the context when the call is over. Background tasks that still have it can use it as before.

        The context refers to the call. If the call kept the context too, only the garbage collector could free them,
        and its pauses would delay the next events.
        """
        self._context = None

    @property
    def context(self) -> Context:
        context = self.plain_context
        context.call = self
        return context

    @property
    def plain_context(self) -> Context:
        """The context, which copies of the call share, without a reference to any of them."""
        if self.origin is not None:
            return self.origin.plain_context
        if self._context is None:
            self._context = self._new_context()
        return self._context

    def _new_context(self) -> Context:
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
        acts_as_person = self.access.bot is None and self.access.installer is None
        return self._client_of(self.access.token, self.payload.user_id if acts_as_person else None, in_step=True)

    @cached_property
    def user_client(self) -> AsyncWebClient | None:
        """The client with the acting person's own token; None if they have not authorized the app."""
        token = self.access.user_token
        return None if token is None else self._client_of(token, self.payload.user_id)

    def _client_of(self, token: str | None, user_id: str | None, *, in_step: bool = False) -> AsyncWebClient:
        """Return a client with this token of the bot, or of a person; it replaces the token if that expires.

        `in_step`: if the payload belongs to a custom step, it begins with the step's own token.
        """
        workspace, client_for = self.access.workspace, self.client_for  # without a reference to this call
        function_token = self.payload.function_token if in_step else None

        async def fresh_token() -> str | None:
            return (await client_for(workspace.enterprise_id, workspace.team_id, user_id)).token

        return self.clients.retrying_client(
            function_token or token,
            workspace,
            self.slot,
            fallback_token=token if function_token else None,
            fresh_token=fresh_token,
            completion=self.completion,
        )

    async def ack(self, *arguments: Any, **fields: Any) -> None:
        """Acknowledge the request; the first call counts."""
        reply = from_ack(*arguments, **fields)
        if self.on_ack is not None:
            self.on_ack(reply)

    @property
    def request(self) -> Request:
        return Request(self.payload.body, self.context)

    @property
    def logger(self) -> logging.Logger:
        return logging.getLogger("latchkey.listeners")

    @property
    def authorize_result(self) -> AuthorizeResult:
        return authorize_result_for(self.payload, self.access)

    @cached_property
    def called(self) -> set[str]:
        """Which of `complete` and `fail` were called."""
        return set() if self.origin is None else self.origin.called

    @property
    def complete(self) -> CompleteStep:
        return CompleteStep(self.payload, lambda: self.client, self.called)

    @property
    def fail(self) -> FailStep:
        return FailStep(self.payload, lambda: self.client, self.called)

    @property
    def agent(self) -> AgentFunctions:
        return self.agent_with(lambda: self.client, lambda coroutine: coroutine)

    def agent_with(self, client: Callable[[], Any], run: Callable[[Coroutine[Any, Any, Any]], Any]) -> AgentFunctions:
        """Return the agent's functions for a listener that has this client, and runs coroutines this way."""
        bot_user_id = self.access.bot.bot_user_id if self.access.bot else None
        return AgentFunctions(self.payload, bot_user_id, client, lambda: self.client, run)

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

    def message(self, *arguments: Any, **fields: Any) -> dict[str, Any]:
        """Return the arguments of chat.postMessage for those of `say`. Raises ValueError if there is no channel.

        If the payload is about a thread with the app, the message is for it, with what the person looked at first.
        """
        message = message_fields("say", SAY, arguments, fields, others=True)
        own_channel, own_thread = self.payload.channel_id, assistant_thread_of(self.payload)
        channel = message.setdefault("channel", own_channel)
        if not channel:
            raise ValueError("say() needs channel=: this payload has none")
        if own_thread is not None and channel == own_channel:
            message.setdefault("thread_ts", own_thread)
            if (context := event_context(self.payload)) is not None:
                message.setdefault("metadata", context_metadata(context))
        return message

    @property
    def say(self) -> BoltFunction:
        return BoltFunction(self.post, self.say_attributes)

    def say_attributes(self) -> dict[str, Any]:
        thread_ts = assistant_thread_of(self.payload)
        return {"channel": self.payload.channel_id, "thread_ts": thread_ts, "client": self.client}

    async def post(self, *arguments: Any, **fields: Any) -> AsyncSlackResponse:
        """Post to the payload's channel (method chat.postMessage). Raises ValueError if there is none."""
        return await self.client.chat_postMessage(**self.message(*arguments, **fields))

    async def respond(self, *arguments: Any, **fields: Any) -> WebhookResponse:
        """Post to the payload's `response_url`, at most five times within 30 minutes.

        Only the acting user sees it unless `response_type="in_channel"`. Raises ValueError if the payload has no
        response_url, TypeError, ResponseUrlSpent, or SlackUnavailable.
        """
        if self.response_url is None:
            raise ValueError(
                "respond() works for commands, actions and message shortcuts; this payload has no response_url"
            )
        return await self.response_url.post(message_fields("respond", RESPOND, arguments, fields))
