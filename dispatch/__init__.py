"""From a verified payload to a listener: registration, matching, arguments, and the running of it."""

from dispatch.app import App
from dispatch.dispatcher import Dispatcher
from dispatch.loading import load_listeners
from dispatch.reply import Reply

__all__ = ["App", "Dispatcher", "Reply", "load_listeners"]
