"""Shows unreadable records by table, id and key id, never by their content."""

from __future__ import annotations

from typing import Any

from latchkey.commands.terminal import say
from latchkey.storage import VerificationResult


def to_json(result: VerificationResult) -> dict[str, Any]:
    """Return a verification's result for a JSON document; the list may be shorter than the count."""
    return {
        "checked": result.total,
        "unreadable_count": result.unreadable,
        "unreadable": [
            {"table": error.table, "record_id": error.record_id, "key_id": error.key_id, "reason": error.reason}
            for error in result.listed
        ],
    }


def name_unreadable(result: VerificationResult) -> None:
    """Print the unreadable records, if there are any."""
    for error in result.listed:
        say(f"latchkey: {error}")
    if result.unreadable > len(result.listed):
        say(f"latchkey: and {result.unreadable - len(result.listed):,} more")
    if result.unreadable:
        say("hint: they were not changed; restore the missing key, or a backup")
