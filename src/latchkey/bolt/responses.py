"""Turns a Bolt app's response into the reply for Slack."""

from __future__ import annotations

import json
import logging
import re

from slack_bolt.response import BoltResponse

from latchkey.dispatch import Reply

_NO_LISTENER = frozenset({"unhandled request", "no next() calls in middleware"})
"""Bolt's errors in a 404: no listener matched, or a middleware has ended the request."""
_OURS = frozenset({"content-type", "content-length", "connection", "keep-alive", "transfer-encoding", "upgrade"})
"""Headers that the server sets itself."""
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

logger = logging.getLogger("latchkey.listeners")


def reply_from(response: BoltResponse) -> Reply:
    """Return the reply with the app's own status, headers and body. An impossible status becomes a 500."""
    status = response.status if isinstance(response.status, int) and 200 <= response.status < 600 else 500
    body = "" if response.body is None else str(response.body)
    headers = tuple(_headers(response))
    content_type = (response.headers.get("content-type") or ["text/plain;charset=utf-8"])[0]
    return Reply(status, str(content_type), body.encode("utf-8", "replace"), headers)


def has_no_listener(response: BoltResponse) -> bool:
    """Whether the app has no listener for a request, which is not a failure."""
    if response.status != 404:
        return False
    try:
        document = json.loads(response.body)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("error") in _NO_LISTENER


def _headers(response: BoltResponse) -> list[tuple[str, str]]:
    found = []
    for name, values in response.headers.items():
        for value in [values] if isinstance(values, str) else values:
            if name.lower() in _OURS:
                continue
            if not _HEADER_NAME.fullmatch(name.lower()) or _CONTROL.search(str(value)):
                logger.warning("leaving out a header of the app's response that no HTTP header can be")
                continue
            found.append((name, str(value)))
    return found
