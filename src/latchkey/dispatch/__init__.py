"""From a verified payload to a listener: registration, matching, arguments, the inbox and its workers."""

from latchkey.dispatch.events import EventFlow, EventOptions
from latchkey.dispatch.interactions import Dispatcher
from latchkey.dispatch.listeners import EMPTY, App, Reply, Runner, load_listeners, wanted_by

__all__ = ["EMPTY", "App", "Dispatcher", "EventFlow", "EventOptions", "Reply", "Runner", "load_listeners", "wanted_by"]
