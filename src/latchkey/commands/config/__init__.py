"""`latchkey config`."""

from latchkey.commands.config.config import group

__all__ = ["group"]
