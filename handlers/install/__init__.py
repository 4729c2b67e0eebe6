"""The install flow: the link to Slack, Slack's redirect back, and the page for each failure."""

from latchkey.handlers.install.callback import CallbackHandler
from latchkey.handlers.install.failures import FAILURES
from latchkey.handlers.install.start import InstallHandler

__all__ = ["FAILURES", "CallbackHandler", "InstallHandler"]
