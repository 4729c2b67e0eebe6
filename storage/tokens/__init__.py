"""Tokens that expire: the pair of each, its refreshes, and when it expires."""

from latchkey.storage.tokens.async_tokens import Tokens
from latchkey.storage.tokens.attempt import Attempt, NotBegun, RefreshState, Wait
from latchkey.storage.tokens.blocking_tokens import BlockingTokens
from latchkey.storage.tokens.expiries import BlockingExpiries, Expiry

__all__ = [
    "Attempt",
    "BlockingExpiries",
    "BlockingTokens",
    "Expiry",
    "NotBegun",
    "RefreshState",
    "Tokens",
    "Wait",
]
