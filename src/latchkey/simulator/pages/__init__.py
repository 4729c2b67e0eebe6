"""The simulator's pages for people: the consent page, and the page in which they use the simulated Slack."""

from latchkey.simulator.pages.client import (
    ASSETS,
    ActionHandler,
    AssetHandler,
    ChangesHandler,
    ExchangeHandler,
    FaultActions,
    MessagesHandler,
    PageHandler,
    StateHandler,
)
from latchkey.simulator.pages.consent import AuthorizeHandler, ConsentRefused, approve, cancel

__all__ = [
    "ASSETS",
    "ActionHandler",
    "AssetHandler",
    "AuthorizeHandler",
    "ChangesHandler",
    "ConsentRefused",
    "ExchangeHandler",
    "FaultActions",
    "MessagesHandler",
    "PageHandler",
    "StateHandler",
    "approve",
    "cancel",
]
