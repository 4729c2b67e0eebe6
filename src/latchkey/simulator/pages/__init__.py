"""The simulator's pages for people: the consent page, and a conversation with the app."""

from latchkey.simulator.pages.actions import ActionHandler
from latchkey.simulator.pages.consent import AuthorizeHandler, ConsentRefused, approve, cancel
from latchkey.simulator.pages.home import ConversationHandler

__all__ = ["ActionHandler", "AuthorizeHandler", "ConsentRefused", "ConversationHandler", "approve", "cancel"]
