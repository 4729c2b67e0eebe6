"""What comes of a call of the Web API: Slack's answer, its refusal, or nothing.

Rule: slack_sdk's errors hold the whole response, and so do the errors below
them; none is passed on or chained. What goes on is Slack's error code, where it
looks like one.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from latchkey.errors import SlackRefused, SlackUnavailable

_ERROR_CODE = re.compile(r"[a-z0-9_]{1,60}", re.ASCII)
UNEXPECTED = "unexpected_response"


async def answer_of(method: str, call: Any, seconds: float) -> dict[str, Any]:
    """Await a call of slack_sdk's, at most so many `seconds`, and return Slack's answer.

    Raises SlackRefused with Slack's reason, or SlackUnavailable.
    """
    try:
        async with asyncio.timeout(seconds):
            answer = (await call).data
    except SlackApiError as error:
        status = getattr(error.response, "status_code", 200)
        if status >= 500 or status == 429:
            raise SlackUnavailable(method, f"status {status}") from None
        raise SlackRefused(method, _reason(error)) from None
    except (SlackClientError, aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
        raise SlackUnavailable(method, type(error).__name__) from None
    except AttributeError:
        # What slack_sdk raises for an answer that is no JSON object, such as a proxy's page.
        raise SlackUnavailable(method, "no JSON") from None
    if not isinstance(answer, dict):
        raise SlackRefused(method, UNEXPECTED)
    return answer


def _reason(error: SlackApiError) -> str:
    """Return Slack's error code where it looks like one; anything else might be anything."""
    data = getattr(error.response, "data", None)
    code = data.get("error") if isinstance(data, dict) else None
    return code if isinstance(code, str) and _ERROR_CODE.fullmatch(code) else UNEXPECTED
