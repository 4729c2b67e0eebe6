"""Turns a call of slack_sdk's into Slack's response, or into an error that is safe to log.

Invariant: slack_sdk's errors contain the whole response, and so may their causes; none is passed on or chained. Only
Slack's error code is, if it looks like one.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Mapping
from typing import Any, TypeGuard

from slack_sdk.errors import SlackApiError, SlackClientError

from latchkey.errors import SlackRateLimited, SlackRefused, SlackUnavailable

_ERROR_CODE = re.compile(r"[a-z0-9_]{1,60}", re.ASCII)
UNEXPECTED_RESPONSE = "unexpected_response"
"""Used instead of Slack's error code if a response has none."""
DEFAULT_RETRY_AFTER_SECONDS = 1.0
"""For a 429 without `Retry-After`, such as a proxy's."""
NO_OBJECT = "its response is not a JSON object"


def is_error_code(value: object) -> TypeGuard[str]:
    """Whether a value looks like one of Slack's error codes; anything else may contain anything."""
    return isinstance(value, str) and _ERROR_CODE.fullmatch(value) is not None


def error_code(error: SlackApiError) -> str | None:
    """Return Slack's error code. The response may be anything if the error was not made by slack_sdk."""
    data = getattr(error.response, "data", error.response)
    code = data.get("error") if isinstance(data, Mapping) else None
    return code if is_error_code(code) else None


def retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds that a response with status 429 asks to wait."""
    value = headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else DEFAULT_RETRY_AFTER_SECONDS


async def response_data(method: str, call: Any, timeout: float) -> dict[str, Any]:  # noqa: ASYNC109  # of one call
    """Await a call of slack_sdk's for at most `timeout` seconds, and return Slack's response.

    Raises SlackRefused with Slack's error code, or SlackUnavailable, of which SlackRateLimited is one.
    """
    import aiohttp  # loaded already by the client that makes the call

    try:
        async with asyncio.timeout(timeout):
            data = (await call).data
    except SlackApiError as error:
        status = getattr(error.response, "status_code", 200)
        if status == 429:
            raise SlackRateLimited(method, retry_after(getattr(error.response, "headers", {}))) from None
        if status >= 500:
            raise SlackUnavailable(method, f"status {status}") from None
        raise _refusal(method, getattr(error.response, "data", None)) from None
    except (SlackClientError, aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
        raise SlackUnavailable(method, failure_reason(error)) from None
    except RecursionError:
        raise SlackUnavailable(method, "its JSON is nested too deeply") from None
    except AttributeError:
        # slack_sdk raises it for a response that is not a JSON object, such as a proxy's page.
        raise SlackUnavailable(method, NO_OBJECT) from None
    if not isinstance(data, dict):
        raise SlackUnavailable(method, NO_OBJECT)
    return data


def _refusal(method: str, data: object) -> SlackRefused | SlackUnavailable:
    if not isinstance(data, dict) or not data:
        return SlackUnavailable(method, NO_OBJECT)
    code = data.get("error")
    return SlackRefused(method, code if is_error_code(code) else UNEXPECTED_RESPONSE)


def failure_reason(error: Exception) -> str:
    """Return why a request brought no response: a phrase without the address, or else the error's class."""
    import aiohttp  # loaded already by the client that raised the error

    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the outgoing proxy responds with {error.status}"
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"the outgoing proxy cannot be reached: {_of_connection(error.os_error)}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "no valid certificate"
    if isinstance(error, aiohttp.ClientConnectorError):
        return _of_connection(error.os_error)
    if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError):
        return "the connection broke"
    return type(error).__name__


def _of_connection(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "the host cannot be resolved"
    return "connection refused" if isinstance(error, ConnectionRefusedError) else error.strerror or "no connection"
