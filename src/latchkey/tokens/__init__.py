"""Tokens from their exchange to their end: whose they are, and that they are usable."""

from latchkey.tokens.access import Access
from latchkey.tokens.allowed_workspaces import AllowedWorkspaces
from latchkey.tokens.exchange import Exchanged, exchange_tokens
from latchkey.tokens.pace import Pace
from latchkey.tokens.refresher import MARGIN_SECONDS, Refresher
from latchkey.tokens.refusals import InstallGate, Undoer, UndoOutcome
from latchkey.tokens.resolver import TokenResolver, record_ids
from latchkey.tokens.sweep import AHEAD_SECONDS, Sweep, count_refresh
from latchkey.tokens.token_clients import ClientFor, TokenClients

__all__ = [
    "AHEAD_SECONDS",
    "MARGIN_SECONDS",
    "Access",
    "AllowedWorkspaces",
    "ClientFor",
    "Exchanged",
    "InstallGate",
    "Pace",
    "Refresher",
    "Sweep",
    "TokenClients",
    "TokenResolver",
    "UndoOutcome",
    "Undoer",
    "count_refresh",
    "exchange_tokens",
    "record_ids",
]
