"""slack_sdk's AsyncWebClient that tells of each request to Slack: which method, how it ended, how long it took.

Rule: what is told is a method's name and Slack's own error code, never what was
sent or answered. It may become a label of a metric, so it is short and one of few.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

Watch: TypeAlias = Callable[[str, str, float], None]
"""Is told a method, an outcome and seconds."""

OK = "ok"
TIMEOUT = "timeout"
UNREACHABLE = "unreachable"
UNREADABLE = "unreadable"
"""An answer that is none of Slack's, such as a proxy's page."""
CANCELLED = "cancelled"
"""Whoever wanted the answer has given up."""

_ERROR_CODE = re.compile(r"[a-z0-9_]{1,60}", re.ASCII)


def nobody_watches(method: str, outcome: str, seconds: float) -> None:
    """Take no notice."""


class WatchedClient(AsyncWebClient):
    """A client whose requests are each told to `watch`, repetitions too."""

    def __init__(self, *, watch: Watch = nobody_watches, **settings: Any) -> None:
        super().__init__(**settings)
        self._watch = watch

    async def _request(self, *, http_verb: str, api_url: str, req_args: dict[str, Any]) -> dict[str, Any]:
        # Where slack_sdk sends the first request of a call and those for its further pages alike.
        begun, outcome = time.monotonic(), CANCELLED
        try:
            answer = await super()._request(http_verb=http_verb, api_url=api_url, req_args=req_args)
            outcome = outcome_of(answer["status_code"], answer["data"])
            return answer
        except TimeoutError:
            outcome = TIMEOUT
            raise
        except (aiohttp.ClientError, OSError):
            outcome = UNREACHABLE
            raise
        except Exception:
            outcome = UNREADABLE
            raise
        finally:
            self._watch(api_url.rpartition("/")[2], outcome, time.monotonic() - begun)


def outcome_of(status: int, data: object) -> str:
    """Return one word for an answer: ok, Slack's error code, http_503 and its like, or unreadable."""
    error = data.get("error") if isinstance(data, dict) else None
    if isinstance(error, str) and _ERROR_CODE.fullmatch(error):
        return error
    if status != 200:
        return f"http_{status}" if 100 <= status < 600 else UNREADABLE
    return OK if not isinstance(data, dict) or data.get("ok") is True else UNREADABLE
