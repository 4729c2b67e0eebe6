"""`latchkey backup` and `latchkey restore`."""

from latchkey.commands.backups.backup import back_up

__all__ = ["back_up"]
