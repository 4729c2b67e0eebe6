"""slack_sdk's AsyncWebClient with patience: it waits out Slack's limits, and repeats what may be repeated.

Rule: a call that may have reached Slack is sent again only where a second one
does no harm. A connection that never came about is tried again for every method.
"""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Any

import aiohttp

from latchkey.errors import SlackUnavailable
from latchkey.slackapi.client.instrumented import WatchedClient
from latchkey.slackapi.client.rate_limits import RateLimits, RateLimitWaiter, ReleasableSlot

REPEAT_SECONDS = (0.5, 2.0)
"""How long a failed call waits before each repetition, half as long again at most."""
DEFAULT_RETRY_AFTER_SECONDS = 1.0
"""Where a 429 comes without `Retry-After`, as from a proxy."""

# By Slack's names: what reads, and what says how something shall be, so that saying it twice changes nothing.
_READS = re.compile(r"^search\.|\.(?:list|info|history|replies|members|test|get[A-Z]?\w*|lookup\w+|teamInfo|identity)$")
_SETS = frozenset(
    {
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

logger = logging.getLogger("latchkey.slack")

Answer = dict[str, Any]


def may_be_repeated(method: str) -> bool:
    """Whether a second call of this method does no harm where the first one has arrived after all."""
    return method in _SETS or _READS.search(method) is not None


class PatientClient(WatchedClient):
    """One workspace's client. Its calls raise what slack_sdk's raise, and SlackUnavailable after too long a wait."""

    def __init__(
        self, *, workspace: Hashable, limits: RateLimits, slot: ReleasableSlot | None = None, **settings: Any
    ) -> None:
        """`workspace` is what Slack counts by; `slot` is released while a call waits."""
        super().__init__(**settings)
        self._workspace = workspace
        self._limits = limits
        self._slot = slot

    async def _request(self, *, http_verb: str, api_url: str, req_args: dict[str, Any]) -> Answer:
        # Where slack_sdk sends the first request of a call and those for its further pages alike.
        method = api_url.rpartition("/")[2]

        async def send() -> Answer:
            return await super(PatientClient, self)._request(http_verb=http_verb, api_url=api_url, req_args=req_args)

        try:
            async with self._limits.waiter((method, self._workspace), self._slot) as waiter:
                return await _until_answered(method, waiter, send, once=_has_file(req_args))
        except TimeoutError:
            raise SlackUnavailable(method, "Slack limits this method, or took too long") from None


async def _until_answered(
    method: str, waiter: RateLimitWaiter, send: Callable[[], Awaitable[Answer]], *, once: bool
) -> Answer:
    repeated = 0
    while True:
        try:
            answer = await send()
        except aiohttp.ClientConnectorError:
            if repeated == len(REPEAT_SECONDS):
                raise
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError):
            if once or repeated == len(REPEAT_SECONDS) or not may_be_repeated(method):
                raise
        else:
            status = answer["status_code"]
            if status == 429 and not once and waiter.may_wait(seconds := _retry_after(answer["headers"])):
                logger.warning("Slack limits %s for %g s; the call waits", method, seconds)
                await waiter.report_limit(seconds)
                continue
            if status < 500 or once or repeated == len(REPEAT_SECONDS) or not may_be_repeated(method):
                return answer
        await waiter.pause(REPEAT_SECONDS[repeated] * random.uniform(1, 1.5))  # noqa: S311  # it spreads repetitions
        repeated += 1


def _retry_after(headers: Mapping[str, str]) -> float:
    value = headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else DEFAULT_RETRY_AFTER_SECONDS


def _has_file(arguments: dict[str, Any]) -> bool:
    """Whether a request has an open file in it, which can be sent once."""
    data = arguments.get("data")
    return isinstance(data, dict) and any(hasattr(value, "read") for value in data.values())
