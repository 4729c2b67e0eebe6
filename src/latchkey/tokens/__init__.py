"""Tokens from their exchange to their end: whose they are, and that they are usable."""

from latchkey.tokens.access import Access
from latchkey.tokens.refresher import MARGIN_SECONDS, Refresher
from latchkey.tokens.refusals import InstallGate, Undoer, UndoOutcome
from latchkey.tokens.resolver import TokenResolver, record_ids
from latchkey.tokens.token_clients import ClientFor, TokenClients

__all__ = [
    "MARGIN_SECONDS",
    "Access",
    "ClientFor",
    "InstallGate",
    "Refresher",
    "TokenClients",
    "TokenResolver",
    "UndoOutcome",
    "Undoer",
    "record_ids",
]
