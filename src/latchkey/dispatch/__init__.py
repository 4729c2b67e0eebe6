"""From a verified payload to a listener: registration, matching, running, events and interactions."""

from latchkey.dispatch.events import EventOptions, EventPipeline
from latchkey.dispatch.install_hooks import InstallHooks
from latchkey.dispatch.interactions import Interactions
from latchkey.dispatch.listeners import (
    EMPTY,
    LOAD_ERRORS,
    RAISED,
    App,
    Call,
    InstallFailure,
    InstallRequest,
    InstallSettings,
    Listener,
    MountedApp,
    MountedPlan,
    Reply,
    Runner,
    as_error,
    ignore_error,
    import_module,
    load_error,
    load_listeners,
    register_function,
    requirements_of,
)
from latchkey.dispatch.slots import SlotPool
from latchkey.dispatch.visible_reply import visible_reply

__all__ = [
    "EMPTY",
    "LOAD_ERRORS",
    "RAISED",
    "App",
    "Call",
    "EventOptions",
    "EventPipeline",
    "InstallFailure",
    "InstallHooks",
    "InstallRequest",
    "InstallSettings",
    "Interactions",
    "Listener",
    "MountedApp",
    "MountedPlan",
    "Reply",
    "Runner",
    "SlotPool",
    "as_error",
    "ignore_error",
    "import_module",
    "load_error",
    "load_listeners",
    "register_function",
    "requirements_of",
    "visible_reply",
]
