"""Finds the payloads in the tests of Slack's SDK for Python and of Bolt: literals, and texts that contain JSON."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.outside.payload_keys import keys

KINDS = frozenset({"block_actions", "message_action", "view_submission", "view_closed"})
"""The interactions of `documented_keys.json`; other payloads are events."""

Found = dict[str, dict[str, set[str]]]
"""By kind of payload and path of the key: the types."""


def sample_keys(*folders: Path) -> Found:
    """Return the types of each key of each payload in the Python files of these folders."""
    found: Found = {}
    for folder in folders:
        for file in sorted(folder.rglob("*.py")):
            for payload in _payloads(ast.parse(file.read_text(encoding="utf-8"))):
                kind = _kind(payload)
                for path, of_type in keys(payload) if kind else ():
                    found.setdefault(kind, {}).setdefault(path, set()).add(of_type)
    return found


def _payloads(tree: ast.AST) -> Iterator[dict[str, Any]]:
    """Yield every JSON object in a module, the inner ones of an object too."""
    for node in ast.walk(tree):
        try:
            if isinstance(node, ast.Dict):
                yield ast.literal_eval(node)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.lstrip().startswith("{"):
                yield from _inner(json.loads(node.value))
        except (ValueError, TypeError):
            continue  # it contains a variable, or is no JSON


def _inner(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        yield document
        for value in document.values():
            yield from _inner(value)


def _kind(payload: dict[str, Any]) -> str:
    """Return the type of the event or the interaction; empty if it is neither."""
    if payload.get("type") == "event_callback" and isinstance(payload.get("event"), dict):
        return str(payload["event"].get("type", ""))
    if payload.get("type") in KINDS and "token" in payload:
        return str(payload["type"])
    return "command" if "command" in payload and "trigger_id" in payload else ""
