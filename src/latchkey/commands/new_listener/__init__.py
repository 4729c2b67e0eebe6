"""`latchkey new`: a listener module with its test."""

from latchkey.commands.new_listener.new import command

__all__ = ["command"]
