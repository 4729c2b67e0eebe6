"""From a verified payload to a listener: registration, matching, arguments, the inbox and its workers."""

from latchkey.dispatch.events import EventOptions, EventPipeline
from latchkey.dispatch.interactions import Dispatcher
from latchkey.dispatch.listeners import EMPTY, App, Reply, Runner, load_listeners, wanted_by

__all__ = [
    "EMPTY",
    "App",
    "Dispatcher",
    "EventOptions",
    "EventPipeline",
    "Reply",
    "Runner",
    "load_listeners",
    "wanted_by",
]
