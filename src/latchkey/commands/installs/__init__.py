"""`latchkey installs`, and the check of stored tokens that `restore` ends with."""

from latchkey.commands.installs.token_check import TokenCheck, check_workspaces

__all__ = ["TokenCheck", "check_workspaces"]
