"""Wording that messages share."""

from __future__ import annotations


def plural(count: int, noun: str) -> str:
    """Return the count and the noun, as a message has them."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
