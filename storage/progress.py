"""How long operations report their progress."""

from __future__ import annotations

from collections.abc import Callable

ProgressCallback = Callable[[str, int, int], None]
"""Called with (what is being done, records done, records in total), such as `("checked", 500, 2000)`."""


def ignore_progress(_what: str, _done: int, _total: int) -> None:
    """Report nothing."""
