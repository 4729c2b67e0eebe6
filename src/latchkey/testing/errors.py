"""What the test kit raises besides the errors of listeners. Both make a test fail as a wrong `assert` does."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import latchkey

__tracebackhide__ = True
"""Pytest leaves the functions of a module with this name out of tracebacks, so that they end in the test."""
_OURS = str(Path(latchkey.__file__).parent)


class NotThere(AssertionError):
    """Slack does not show what the test asks for: a command, a message, a button, a field, a form."""


class StillRunning(AssertionError):
    """A listener has not ended in time."""


def without_our_frames(error: BaseException) -> TracebackType | None:
    """Return the error's traceback from the author's first line on; all of it if there is none."""
    found = error.__traceback__
    while found is not None and found.tb_frame.f_code.co_filename.startswith(_OURS):
        found = found.tb_next
    return found or error.__traceback__


def listed(names: list[str], nothing: str = "none") -> str:
    """Return names for the end of a message."""
    return ", ".join(dict.fromkeys(names)) or nothing
