"""Reads blocks as a person does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_TEXTS = frozenset({"plain_text", "mrkdwn", "text", "markdown"})
"""The types of objects that have a text: in rich text, in blocks of Markdown, and everywhere else."""


def shown_text(blocks: object) -> str:
    """Return all texts in these blocks, one a line."""
    return "\n".join(_texts(blocks))


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("type") in _TEXTS and isinstance(node.get("text"), str):
            yield node["text"]
            return
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)
