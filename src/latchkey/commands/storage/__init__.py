"""`latchkey storage`: moves a store to the other engine, and upgrades the schema of a database."""

from latchkey.commands.storage.storage import group

__all__ = ["group"]
