"""Slack's Web API and response URLs, as far as an app of this kind calls them."""

from latchkey.simulator.web_api.endpoints import ApiHandler, ResponseUrlHandler

__all__ = ["ApiHandler", "ResponseUrlHandler"]
