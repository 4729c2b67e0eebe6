"""The keys and types of a JSON payload, to a depth of three."""

from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 3
NAMES = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
NOT_OPENED = frozenset({"blocks", "attachments", "files", "file", "state", "metadata", "icons", "bot_profile"})


def keys(document: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path and the type of each value; an array's first item stands for all."""
    for name, value in document.items():
        path = prefix + name
        yield path, NAMES.get(type(value), "null")
        inner, separator = (value[0], "[].") if isinstance(value, list) and value else (value, ".")
        if isinstance(inner, dict) and name not in NOT_OPENED and path.count(".") < MAX_DEPTH - 1:
            yield from keys(inner, path + separator)
