"""Latchkey, the durable Slack app and agent server for one machine.

Listener modules may import the types of their arguments from here, and programs beside the server `connect`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latchkey.connecting import Connection as Connection
    from latchkey.connecting import connect as connect
    from latchkey.dispatch.listeners.types import Ack as Ack
    from latchkey.dispatch.listeners.types import App as App
    from latchkey.dispatch.listeners.types import AsyncAck as AsyncAck
    from latchkey.dispatch.listeners.types import AsyncComplete as AsyncComplete
    from latchkey.dispatch.listeners.types import AsyncFail as AsyncFail
    from latchkey.dispatch.listeners.types import AsyncGetThreadContext as AsyncGetThreadContext
    from latchkey.dispatch.listeners.types import AsyncNext as AsyncNext
    from latchkey.dispatch.listeners.types import AsyncRespond as AsyncRespond
    from latchkey.dispatch.listeners.types import AsyncSaveThreadContext as AsyncSaveThreadContext
    from latchkey.dispatch.listeners.types import AsyncSay as AsyncSay
    from latchkey.dispatch.listeners.types import AsyncSayStream as AsyncSayStream
    from latchkey.dispatch.listeners.types import AsyncSetSessionStatus as AsyncSetSessionStatus
    from latchkey.dispatch.listeners.types import AsyncSetStatus as AsyncSetStatus
    from latchkey.dispatch.listeners.types import AsyncSetSuggestedPrompts as AsyncSetSuggestedPrompts
    from latchkey.dispatch.listeners.types import AsyncSetTitle as AsyncSetTitle
    from latchkey.dispatch.listeners.types import Complete as Complete
    from latchkey.dispatch.listeners.types import Context as Context
    from latchkey.dispatch.listeners.types import Fail as Fail
    from latchkey.dispatch.listeners.types import GetThreadContext as GetThreadContext
    from latchkey.dispatch.listeners.types import Next as Next
    from latchkey.dispatch.listeners.types import Request as Request
    from latchkey.dispatch.listeners.types import Respond as Respond
    from latchkey.dispatch.listeners.types import Response as Response
    from latchkey.dispatch.listeners.types import SaveThreadContext as SaveThreadContext
    from latchkey.dispatch.listeners.types import Say as Say
    from latchkey.dispatch.listeners.types import SayStream as SayStream
    from latchkey.dispatch.listeners.types import SetSessionStatus as SetSessionStatus
    from latchkey.dispatch.listeners.types import SetStatus as SetStatus
    from latchkey.dispatch.listeners.types import SetSuggestedPrompts as SetSuggestedPrompts
    from latchkey.dispatch.listeners.types import SetTitle as SetTitle
    from latchkey.dispatch.listeners.types import ThreadContext as ThreadContext

__version__ = "0.1.0"

_CONNECTING = frozenset({"connect", "Connection"})
_TYPES = frozenset(
    {
        "Ack",
        "App",
        "AsyncAck",
        "AsyncComplete",
        "AsyncFail",
        "AsyncGetThreadContext",
        "AsyncNext",
        "AsyncRespond",
        "AsyncSaveThreadContext",
        "AsyncSay",
        "AsyncSayStream",
        "AsyncSetSessionStatus",
        "AsyncSetStatus",
        "AsyncSetSuggestedPrompts",
        "AsyncSetTitle",
        "Complete",
        "Context",
        "Fail",
        "GetThreadContext",
        "Next",
        "Request",
        "Respond",
        "Response",
        "SaveThreadContext",
        "Say",
        "SayStream",
        "SetSessionStatus",
        "SetStatus",
        "SetSuggestedPrompts",
        "SetTitle",
        "ThreadContext",
    }
)


def __getattr__(name: str) -> Any:
    """Import on first use what authors and programs beside the server use, so that `import latchkey` costs nothing."""
    if name not in _CONNECTING and name not in _TYPES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "latchkey.connecting" if name in _CONNECTING else "latchkey.dispatch.listeners.types"
    return getattr(importlib.import_module(module), name)
