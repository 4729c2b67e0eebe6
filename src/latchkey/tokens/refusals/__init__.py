"""Installations that were refused after Slack had made them, and their undoing at Slack."""

from latchkey.tokens.refusals.install_gate import InstallGate
from latchkey.tokens.refusals.undoer import Undoer
from latchkey.tokens.refusals.undoing import UndoOutcome

__all__ = ["InstallGate", "UndoOutcome", "Undoer"]
