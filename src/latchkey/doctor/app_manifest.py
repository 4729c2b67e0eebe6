"""The app's settings at Slack: as they should be, as Slack has exported them, and where the two differ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from latchkey.config import Settings
from latchkey.dispatch import load_listeners, wanted_by
from latchkey.doctor.context import Patient
from latchkey.doctor.findings import Finding, finding
from latchkey.errors import LatchkeyError, ListenerLoadError
from latchkey.slackapi.manifest import Described, Manifest, differences, make_manifest

LARGEST_FILE = 1 << 20
"""Bytes; Slack's longest manifest is a tenth of that."""


def examine(patient: Patient, exported: Path) -> Iterator[Finding]:
    """Compare an exported manifest with what is needed here."""
    try:
        needed, _ = needed_manifest(patient.settings, patient.checkout)
        slack = read_manifest(exported)
    except ListenerLoadError:
        return  # told with the configuration
    except LatchkeyError as error:
        yield finding("app-settings", str(error), error.hint)
        return
    for difference in differences(needed, slack):
        yield finding("app-settings", str(difference))


def needed_manifest(settings: Settings, checkout: Path | None) -> tuple[Manifest, list[str]]:
    """Return the manifest of the app that is configured and registered here, and notes on what cannot be known.

    Raises ListenerLoadError.
    """
    described = Described(
        name=settings.manifest.name,
        description=settings.manifest.description,
        public_url=settings.public_url,
        scopes=settings.slack.scopes,
        user_scopes=settings.slack.user_scopes,
        org_deployment=settings.manifest.org_deployment,
    )
    app = load_listeners(settings.listeners.modules, settings.base, checkout)
    return make_manifest(described, wanted_by(app))


def read_manifest(path: Path) -> dict[str, Any]:
    """Return an exported manifest; raises LatchkeyError, without anything that stands in the file."""
    hint = "export it at https://api.slack.com/apps, under App Manifest"
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise LatchkeyError(f"{path}: {error.strerror}", hint=hint) from None
    if len(content) > LARGEST_FILE:
        raise LatchkeyError(f"{path}: is longer than any manifest", hint=hint)
    document = _parsed(content)
    # What the method apps.manifest.export returns has the manifest inside.
    if isinstance(document, dict) and isinstance(document.get("manifest"), dict):
        document = document["manifest"]
    if not isinstance(document, dict) or not isinstance(document.get("display_information"), dict):
        raise LatchkeyError(f"{path}: is no app manifest in JSON or YAML", hint=hint)
    return document


def _parsed(content: bytes) -> Any:
    import yaml

    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        pass
    try:
        return yaml.safe_load(content)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
