"""Registers, loads, matches and runs listeners."""

from latchkey.dispatch.listeners.arguments import EMPTY, JSON, Call, Reply, json_reply, text_reply
from latchkey.dispatch.listeners.describing import describe, describe_workspace
from latchkey.dispatch.listeners.loading import load_listeners
from latchkey.dispatch.listeners.matching import view_of
from latchkey.dispatch.listeners.own_events import is_own
from latchkey.dispatch.listeners.registration import App, Listener
from latchkey.dispatch.listeners.requirements import requirements_of
from latchkey.dispatch.listeners.runner import Runner

__all__ = [
    "EMPTY",
    "JSON",
    "App",
    "Call",
    "Listener",
    "Reply",
    "Runner",
    "describe",
    "describe_workspace",
    "is_own",
    "json_reply",
    "load_listeners",
    "requirements_of",
    "text_reply",
    "view_of",
]
