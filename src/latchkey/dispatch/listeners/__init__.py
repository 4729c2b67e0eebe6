"""Registers, loads, matches and runs listeners."""

from latchkey.dispatch.listeners.arguments import EMPTY, Reply, json_reply, text_reply
from latchkey.dispatch.listeners.loading import load_listeners
from latchkey.dispatch.listeners.matching import view_of
from latchkey.dispatch.listeners.registration import App, Listener
from latchkey.dispatch.listeners.requirements import requirements_of
from latchkey.dispatch.listeners.runner import Runner, describe, describe_workspace, is_own

__all__ = [
    "EMPTY",
    "App",
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
