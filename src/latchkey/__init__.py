"""Latchkey, the durable Slack app and agent server for one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latchkey.connecting import Connection as Connection
    from latchkey.connecting import connect as connect

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import what a program beside the server uses, which the server itself does not need, on first use."""
    if name in ("connect", "Connection"):
        from latchkey import connecting

        return getattr(connecting, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
