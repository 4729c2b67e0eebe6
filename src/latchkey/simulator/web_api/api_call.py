"""A call of the Web API, and the error that refuses it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

Arguments: TypeAlias = Mapping[str, Any]
Document: TypeAlias = dict[str, Any]


class ApiError(Exception):
    """The response is `{"ok": false, "error": …}` with these further fields; the message is the error code."""

    def __init__(self, code: str, **fields: Any) -> None:
        super().__init__(code)
        self.fields = fields


def nested(value: object) -> Any:
    """Return a nested argument, which slack_sdk sends as JSON text in a form. Raises ApiError."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ApiError("invalid_arguments") from None
