"""A call of the Web API, and the error that refuses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Arguments: TypeAlias = Mapping[str, Any]
Document: TypeAlias = dict[str, Any]


class ApiError(Exception):
    """The response is `{"ok": false, "error": …}`; the message is the error code."""
