"""Completes each run of a custom step at Slack once, however often a listener tries.

Invariant: after Slack has completed a run, no other completion of it is sent. If the response to one was lost, the next
one is sent, and counts as soon as Slack says that the run is over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from slack_sdk.errors import SlackApiError

from latchkey.slackapi.client.call_arguments import fields_of
from latchkey.slackapi.client.responses import error_code

_METHODS = frozenset({"functions.completeSuccess", "functions.completeError"})
_OVER = frozenset({"execution_not_in_running_state", "function_execution_not_found"})
"""Slack's error codes for a run that is over.

https://docs.slack.dev/reference/methods/functions.completeSuccess
"""
T = TypeVar("T")

logger = logging.getLogger("latchkey.slack")


class Completion:
    """The completion of one run. Use it on the event loop."""

    def __init__(
        self, run_id: str, *, is_done: bool, may_have_arrived: bool, keep: Callable[[], Awaitable[None]]
    ) -> None:
        """`is_done`: Slack has completed the run. `may_have_arrived`: an earlier call may have reached Slack.

        `keep` returns once it is kept, for later attempts, that Slack has completed the run.
        """
        self._run_id = run_id
        self._is_done = is_done
        self._may_have_arrived = may_have_arrived
        self._keep = keep
        self._lock = asyncio.Lock()

    def is_for(self, method: str, arguments: dict[str, Any]) -> bool:
        """Whether a call completes this run; `arguments` are those of slack_sdk's `api_call`."""
        if method not in _METHODS:
            return False
        return any(fields.get("function_execution_id") == self._run_id for fields in fields_of(arguments))

    async def once(self, send: Callable[[], Awaitable[T]]) -> T | None:
        """Send a call that completes the run, and return its response; None if the run is complete already.

        Raises what `send` raises.
        """
        async with self._lock:
            if self._is_done:
                logger.info("the custom step %s is complete already; nothing is sent", self._run_id)
                return None
            response = None
            try:
                response = await send()
            except BaseException as error:
                if not (self._may_have_arrived and _is_over(error)):
                    self._may_have_arrived = True
                    raise
                logger.info("Slack had received an earlier completion of the custom step %s", self._run_id)
            self._is_done = True
            await self._keep()
            return response


def already_complete(api_url: str) -> dict[str, Any]:
    """Return the parts of slack_sdk's response for a completion that is not sent, or that Slack did not need."""
    data = {"ok": True, "warning": "already_complete"}
    return {
        "http_verb": "POST",
        "api_url": api_url,
        "req_args": {},
        "data": data,
        "headers": {},
        "status_code": 200,
    }


def _is_over(error: BaseException) -> bool:
    return isinstance(error, SlackApiError) and error_code(error) in _OVER
