"""The consent page of an install, and its two buttons."""

from latchkey.simulator.pages.consent.approval import ConsentRefused, approve, cancel
from latchkey.simulator.pages.consent.authorize import AuthorizeHandler

__all__ = ["AuthorizeHandler", "ConsentRefused", "approve", "cancel"]
