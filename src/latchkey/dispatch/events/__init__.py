"""Events from their acceptance to the outcome of their listeners."""

from latchkey.dispatch.events.pipeline import EventOptions, EventPipeline

__all__ = ["EventOptions", "EventPipeline"]
