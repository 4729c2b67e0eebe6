"""An AsyncWebClient that waits out Slack's rate limits and retries calls that are safe to retry.

Invariant: a call that may have reached Slack is sent again only if a second one does no harm. A connection that could
not be opened is retried for every method.
"""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Awaitable, Callable, Hashable
from copy import copy
from typing import Any

import aiohttp
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from latchkey.errors import LatchkeyError, NoToken, SlackUnavailable
from latchkey.slackapi.client.call_arguments import has_own_token
from latchkey.slackapi.client.completing import Completion, already_complete
from latchkey.slackapi.client.instrumented import InstrumentedClient
from latchkey.slackapi.client.rate_limits import RateLimits, RateLimitWaiter, ReleasableSlot
from latchkey.slackapi.client.responses import retry_after

RETRY_DELAYS_SECONDS = (0.5, 2.0)
"""Delay before each retry of a failed call, plus up to 50 % jitter."""

# Methods that are safe to retry, by Slack's naming: reads, and writes that set a state and so are idempotent.
_READ_METHODS = re.compile(
    r"^search\.|\.(?:list|info|history|replies|members|test|get[A-Z]?\w*|lookup\w+|teamInfo|identity)$"
)
_IDEMPOTENT_METHODS = frozenset(
    {
        "agents.sessions.rename",
        "agents.sessions.setStatus",
        "assistant.threads.setStatus",
        "assistant.threads.setSuggestedPrompts",
        "assistant.threads.setTitle",
        "chat.unfurl",
        "chat.update",
        "conversations.mark",
        "usergroups.users.update",
        "users.profile.set",
        "users.setPresence",
        "views.publish",
        "views.update",
    }
)

_EXPIRED = "token_expired"
_TOKEN_ERRORS = frozenset({"token_revoked", _EXPIRED, "invalid_auth", "account_inactive"})

logger = logging.getLogger("latchkey.slack")

Response = dict[str, Any]
FreshToken = Callable[[], Awaitable[str | None]]
"""Returns an access token that has not expired; raises LatchkeyError if there is none."""


def is_safe_to_retry(method: str) -> bool:
    """Whether a second call of this method does no harm even if Slack received the first one."""
    return method in _IDEMPOTENT_METHODS or _READ_METHODS.search(method) is not None


class RetryingClient(InstrumentedClient):
    """One workspace's client. Its calls raise slack_sdk's errors, NoToken, and SlackUnavailable after a long wait."""

    def __init__(
        self,
        *,
        workspace: Hashable,
        limits: RateLimits,
        slot: ReleasableSlot | None = None,
        fallback_token: str | None = None,
        fresh_token: FreshToken | None = None,
        completion: Completion | None = None,
        **settings: Any,
    ) -> None:
        """`workspace` is what Slack counts by; `slot` is released while a call waits.

        `fallback_token` replaces the token once Slack no longer accepts it; `fresh_token` returns a token of the same
        owner that replaces one that has expired. With `completion`, that run of a custom step is completed once.
        """
        super().__init__(**settings)
        self._workspace = workspace
        self._limits = limits
        self._slot = slot
        self._fallback_token = fallback_token
        self._fresh_token = fresh_token
        self._replaceable = {self.token}
        """The tokens that it has had. Calls that were made with an earlier one are sent again with the present one."""
        self._completion = completion

    async def api_call(self, api_method: str, **arguments: Any) -> AsyncSlackResponse:
        client = self._without_replacements() if has_own_token(arguments) else self

        async def send() -> AsyncSlackResponse:
            return await super(RetryingClient, client).api_call(api_method, **arguments)

        if self._completion is None or not self._completion.is_for(api_method, arguments):
            return await send()
        response = await self._completion.once(send)
        return response or AsyncSlackResponse(client=self, **already_complete(f"{self.base_url}{api_method}"))

    def _without_replacements(self) -> RetryingClient:
        """Return a client for a call whose caller has chosen the token, and for its further pages."""
        client = copy(self)
        client._replaceable = set()  # noqa: SLF001  # of this class
        return client

    async def _request(self, *, http_verb: str, api_url: str, req_args: dict[str, Any]) -> Response:
        # slack_sdk sends both the first request of a call and those for further pages through this method.
        response = await self._request_with_retries(http_verb, api_url, req_args)
        token = None if _has_file(req_args) else await self._replacement(response, req_args["headers"])
        if token is None:
            return response
        headers = {**req_args["headers"], "Authorization": f"Bearer {token}"}
        return await self._request_with_retries(http_verb, api_url, {**req_args, "headers": headers})

    async def _replacement(self, response: Response, headers: dict[str, str]) -> str | None:
        """Return the token with which a refused call is sent once more, or None if its response counts."""
        error = _token_error(response)
        sent = headers.get("Authorization", "").removeprefix("Bearer ")
        if error is None or sent not in self._replaceable:
            return None
        if self._fallback_token is not None:
            logger.info("Slack no longer accepts the token of a custom step; the bot's token replaces it")
            self.token, self._fallback_token = self._fallback_token, None
            self._replaceable.add(self.token)
        if self.token != sent:
            return self.token  # another call has replaced it
        if error != _EXPIRED or self._fresh_token is None:
            return None
        try:
            token = await self._fresh_token()
        except LatchkeyError as refused:
            logger.warning("a token has expired while it was in use, and there is no new one: %s", refused)
            return None
        if token is None or token == sent:
            return None
        self.token = token
        self._replaceable.add(token)
        return token

    async def _request_with_retries(self, http_verb: str, api_url: str, req_args: dict[str, Any]) -> Response:
        method = api_url.rpartition("/")[2]
        if not self.token and "Authorization" not in req_args["headers"]:
            raise NoToken(method)

        async def send() -> Response:
            return await super(RetryingClient, self)._request(http_verb=http_verb, api_url=api_url, req_args=req_args)

        try:
            async with self._limits.waiter((method, self._workspace), self._slot) as waiter:
                return await _send_with_retries(method, waiter, send, once=_has_file(req_args))
        except TimeoutError:
            raise SlackUnavailable(method, "rate limited for too long, or timed out") from None


async def _send_with_retries(
    method: str, waiter: RateLimitWaiter, send: Callable[[], Awaitable[Response]], *, once: bool
) -> Response:
    retries = 0
    while True:
        try:
            response = await send()
        except aiohttp.ClientConnectorError:
            if retries == len(RETRY_DELAYS_SECONDS):
                raise
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError):
            if once or retries == len(RETRY_DELAYS_SECONDS) or not is_safe_to_retry(method):
                raise
        else:
            status = response["status_code"]
            if status == 429 and not once and waiter.may_wait(seconds := retry_after(response["headers"])):
                logger.warning("Slack rate-limits %s for %g s; the call waits", method, seconds)
                await waiter.report_limit(seconds)
                continue
            if status < 500 or once or retries == len(RETRY_DELAYS_SECONDS) or not is_safe_to_retry(method):
                return response
        await waiter.pause(RETRY_DELAYS_SECONDS[retries] * random.uniform(1, 1.5))  # noqa: S311  # it spreads retries
        retries += 1


def _token_error(response: Response) -> str | None:
    """Return Slack's error code if it does not accept the token."""
    data = response["data"]
    error = data.get("error") if isinstance(data, dict) else None
    return error if error in _TOKEN_ERRORS else None


def _has_file(arguments: dict[str, Any]) -> bool:
    """Whether a request contains an open file, which can be sent only once."""
    data = arguments.get("data")
    return isinstance(data, dict) and any(hasattr(value, "read") for value in data.values())
