"""What happens to tokens between their exchange and their end."""

from latchkey.tokens.refresher import MARGIN_SECONDS, Refresher
from latchkey.tokens.refusals import InstallGate, Undoer, UndoOutcome

__all__ = ["MARGIN_SECONDS", "InstallGate", "Refresher", "UndoOutcome", "Undoer"]
