"""What a listener module registers with, and what it has registered."""

from latchkey.dispatch.listeners.registration.app import App, Listener

__all__ = ["App", "Listener"]
