"""Registers, loads, matches and runs listeners."""

from latchkey.dispatch.listeners.arguments import EMPTY, JSON, Call, Reply, json_reply, text_reply
from latchkey.dispatch.listeners.describing import describe, describe_workspace
from latchkey.dispatch.listeners.loading import (
    LOAD_ERRORS,
    import_module,
    load_error,
    load_listeners,
    register_function,
)
from latchkey.dispatch.listeners.matching import view_of
from latchkey.dispatch.listeners.mounted import (
    InstallFailure,
    InstallRequest,
    InstallSettings,
    MountedApp,
    MountedPlan,
    mounted_only,
    with_own_tokens,
)
from latchkey.dispatch.listeners.own_events import is_own
from latchkey.dispatch.listeners.registration import App, Listener
from latchkey.dispatch.listeners.requirements import requirements_of
from latchkey.dispatch.listeners.runner import RAISED, Runner, as_error, ignore_error

__all__ = [
    "EMPTY",
    "JSON",
    "LOAD_ERRORS",
    "RAISED",
    "App",
    "Call",
    "InstallFailure",
    "InstallRequest",
    "InstallSettings",
    "Listener",
    "MountedApp",
    "MountedPlan",
    "Reply",
    "Runner",
    "as_error",
    "describe",
    "describe_workspace",
    "ignore_error",
    "import_module",
    "is_own",
    "json_reply",
    "load_error",
    "load_listeners",
    "mounted_only",
    "register_function",
    "requirements_of",
    "text_reply",
    "view_of",
    "with_own_tokens",
]
