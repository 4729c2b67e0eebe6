"""The same call for a sync listener, whose thread waits while the event loop does the work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from slack_sdk.web import WebClient

from latchkey.dispatch.listeners.arguments.agent import AgentFunctions
from latchkey.dispatch.listeners.arguments.bolt_function import BoltFunction
from latchkey.dispatch.listeners.arguments.call import Call
from latchkey.dispatch.listeners.arguments.context import AuthorizeResult, Context
from latchkey.dispatch.listeners.arguments.custom_step import CompleteStep, FailStep
from latchkey.dispatch.listeners.arguments.request import Request, Response
from latchkey.slackapi.client import blocking_client, run_on_loop

if TYPE_CHECKING:
    from slack_sdk.web import SlackResponse
    from slack_sdk.webhook import WebhookResponse

T = TypeVar("T")


class BlockingCall:
    """Provides the arguments of a sync listener."""

    def __init__(self, call: Call, loop: asyncio.AbstractEventLoop) -> None:
        self.payload = call.payload
        self.installations = call.installations
        self.error = call.error
        self.next = call.on_next
        self._call = call
        self._loop = loop

    @property
    def context(self) -> Context:
        context = self.plain_context
        context.call = self
        return context

    @property
    def plain_context(self) -> Context:
        return self._call.plain_context

    @property
    def request(self) -> Request:
        return Request(self.payload.body, self.context)

    @property
    def logger(self) -> logging.Logger:
        return self._call.logger

    @property
    def authorize_result(self) -> AuthorizeResult:
        return self._call.authorize_result

    @property
    def agent(self) -> AgentFunctions:
        return self._call.agent_with(lambda: self.client, self._wait)

    @property
    def complete(self) -> CompleteStep:
        return CompleteStep(self.payload, lambda: self.client, self._call.called)

    @property
    def fail(self) -> FailStep:
        return FailStep(self.payload, lambda: self.client, self._call.called)

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

    @property
    def say(self) -> BoltFunction:
        return BoltFunction(self.post, lambda: {**self._call.say_attributes(), "client": self.client})

    def post(self, *arguments: Any, **fields: Any) -> SlackResponse:
        return self.client.chat_postMessage(**self._call.message(*arguments, **fields))

    def respond(self, *arguments: Any, **fields: Any) -> WebhookResponse:
        return self._wait(self._call.respond(*arguments, **fields))

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return run_on_loop(coroutine, self._loop)
