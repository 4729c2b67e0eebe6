"""From a verified payload to a listener: registration, matching, running, events and interactions."""

from latchkey.dispatch.events import EventOptions, EventPipeline
from latchkey.dispatch.install_hooks import InstallHooks
from latchkey.dispatch.interactions import Interactions
from latchkey.dispatch.listeners import EMPTY, App, Listener, Reply, Runner, load_listeners, requirements_of

__all__ = [
    "EMPTY",
    "App",
    "EventOptions",
    "EventPipeline",
    "InstallHooks",
    "Interactions",
    "Listener",
    "Reply",
    "Runner",
    "load_listeners",
    "requirements_of",
]
