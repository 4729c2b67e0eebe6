"""The page in which people use the simulated Slack: its files, its state, live changes, actions and the inspector."""

from latchkey.simulator.pages.client.actions import ActionHandler
from latchkey.simulator.pages.client.faults import FaultActions
from latchkey.simulator.pages.client.page import AssetHandler, ChangesHandler, PageHandler
from latchkey.simulator.pages.client.state import ExchangeHandler, MessagesHandler, StateHandler

ASSETS = AssetHandler.FOLDER

__all__ = [
    "ASSETS",
    "ActionHandler",
    "AssetHandler",
    "ChangesHandler",
    "ExchangeHandler",
    "FaultActions",
    "MessagesHandler",
    "PageHandler",
    "StateHandler",
]
