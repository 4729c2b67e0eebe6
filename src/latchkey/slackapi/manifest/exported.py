"""Reads a manifest that was exported from Slack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from latchkey.errors import LatchkeyError
from latchkey.slackapi.manifest.app_manifest import Manifest

MAX_BYTES = 1 << 20
"""Slack's longest manifest is a tenth of that."""


def read_manifest(path: Path) -> Manifest:
    """Return the manifest in a JSON or YAML file, as its page or `apps.manifest.export` gives it.

    Raises LatchkeyError if there is none; the message contains nothing from the file.
    """
    hint = "export it at https://api.slack.com/apps, under App Manifest"
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise LatchkeyError(f"{path}: {error.strerror}", hint=hint) from None
    if len(content) > MAX_BYTES:
        raise LatchkeyError(f"{path}: too long to be an app manifest", hint=hint)
    if not content.strip():
        raise LatchkeyError(f"{path}: the file is empty", hint=hint)
    document = _parse(content)
    # The method apps.manifest.export returns the manifest inside its response.
    if isinstance(document, dict) and isinstance(document.get("manifest"), dict):
        document = document["manifest"]
    if not isinstance(document, dict) or not isinstance(document.get("display_information"), dict):
        raise LatchkeyError(f"{path}: not an app manifest in JSON or YAML", hint=hint)
    return document


def _parse(content: bytes) -> Any:
    """Return the document, or None if it is neither JSON nor YAML."""
    import yaml

    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        pass
    try:
        return yaml.safe_load(content)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
