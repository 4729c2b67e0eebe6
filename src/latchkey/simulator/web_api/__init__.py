"""Slack's Web API and response URLs, as far as an app of this kind calls them."""

from latchkey.simulator.web_api.endpoints import ApiHandler, ResponseUrlHandler
from latchkey.simulator.web_api.methods import METHODS
from latchkey.simulator.web_api.token_methods import TOKEN_METHODS

__all__ = ["METHODS", "TOKEN_METHODS", "ApiHandler", "ResponseUrlHandler"]
