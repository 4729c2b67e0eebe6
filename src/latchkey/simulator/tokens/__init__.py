"""Slack's tokens: long-lived ones, and pairs of an access token that expires and a refresh token."""

from latchkey.simulator.tokens.book import TokenBook, TokenRefused
from latchkey.simulator.tokens.configuration import ConfigurationTokens
from latchkey.simulator.tokens.token import GRACE_SECONDS, MAX_LIVE_TOKENS, TOKEN_SECONDS, RefreshToken, Token

__all__ = [
    "GRACE_SECONDS",
    "MAX_LIVE_TOKENS",
    "TOKEN_SECONDS",
    "ConfigurationTokens",
    "RefreshToken",
    "Token",
    "TokenBook",
    "TokenRefused",
]
