"""What happens to tokens between their exchange and their end."""

from latchkey.tokens.refusals import InstallGate, Undoer, UndoOutcome

__all__ = ["InstallGate", "UndoOutcome", "Undoer"]
