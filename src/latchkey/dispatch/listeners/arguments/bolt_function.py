"""A function with the attributes that Bolt's object of the same name has, such as `say.channel`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class BoltFunction:
    """Calls a function; the attributes are looked up when one is used."""

    __slots__ = ("_attributes", "_function")

    def __init__(self, function: Callable[..., Any], attributes: Callable[[], Mapping[str, Any]]) -> None:
        self._function = function
        self._attributes = attributes

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._function(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        attributes = self._attributes()
        if name in attributes:
            return attributes[name]
        raise AttributeError(f"{self._function.__name__} has no {name}, only {', '.join(attributes)}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BoltFunction) and self._function == other._function

    def __hash__(self) -> int:
        return hash(self._function)
