"""The install flow: the link to Slack, Slack's redirect back, and the pages for success and for each failure."""

from latchkey.handlers.install.callback import CallbackHandler
from latchkey.handlers.install.failures import FAILURES
from latchkey.handlers.install.installed import InstalledHandler
from latchkey.handlers.install.start import InstallHandler

__all__ = ["FAILURES", "CallbackHandler", "InstallHandler", "InstalledHandler"]
