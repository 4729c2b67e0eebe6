"""From a verified payload to a listener: registration, matching, arguments, the inbox and its workers."""

from dispatch.app import App
from dispatch.dispatcher import Dispatcher
from dispatch.eventflow import EventFlow, EventOptions
from dispatch.inventory import Inventory
from dispatch.loading import load_listeners
from dispatch.metrics import Metrics
from dispatch.reply import EMPTY, Reply
from dispatch.runner import Runner

__all__ = [
    "EMPTY",
    "App",
    "Dispatcher",
    "EventFlow",
    "EventOptions",
    "Inventory",
    "Metrics",
    "Reply",
    "Runner",
    "load_listeners",
]
