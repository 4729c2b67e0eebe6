"""The base class of all errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

EXIT_FAILED = 1


class LatchkeyError(Exception):
    """The base class. `str()` is what happened and to what; `hint` is what to do, or empty."""

    exit_code: int = EXIT_FAILED
    """Exit code of a command that fails with this error."""
    http_status: ClassVar[int] = 500
    """Status of the response to a request that fails with this error."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    @property
    def lines(self) -> list[str]:
        """The message for a terminal, one line per fault."""
        return [str(self)]

    @property
    def parts(self) -> Sequence[LatchkeyError]:
        """The errors to print, each with its own hint."""
        return (self,)
