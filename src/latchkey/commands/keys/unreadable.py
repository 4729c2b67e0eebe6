"""How records that cannot be opened are told of: by their table, id and key id, and never by what is in them."""

from __future__ import annotations

from typing import Any

from latchkey.commands.output import say
from latchkey.storage import Findings


def to_json(findings: Findings) -> dict[str, Any]:
    """Return it for a JSON document; the list may be shorter than the count."""
    return {
        "checked": findings.checked,
        "unreadable_count": findings.unreadable,
        "unreadable": [
            {"table": error.table, "record_id": error.record_id, "key_id": error.key_id, "reason": error.reason}
            for error in findings.first
        ],
    }


def name_unreadable(findings: Findings) -> None:
    for error in findings.first:
        say(f"latchkey: {error}")
    if findings.unreadable > len(findings.first):
        say(f"latchkey: and {findings.unreadable - len(findings.first):,} more")
    if findings.unreadable:
        say("hint: they are left as they are; put a missing key back, or restore a backup")
