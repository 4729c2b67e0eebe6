"""Finds the checkout that this package runs from, if it runs from one."""

from __future__ import annotations

from pathlib import Path

import latchkey


def find_checkout() -> Path | None:
    """Return the root of the checkout, or None if the package was installed from a wheel."""
    root = Path(latchkey.__file__).resolve().parent.parent.parent
    return root if (root / "server.py").is_file() and (root / "latchkey").is_file() else None
