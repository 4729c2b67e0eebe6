"""Events from their acceptance to the outcome of their listeners."""

from latchkey.dispatch.events.pipeline import EventFlow, EventOptions

__all__ = ["EventFlow", "EventOptions"]
