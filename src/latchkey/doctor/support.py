"""The support file: versions, settings and findings, for someone who helps with a problem.

Invariant: it contains no secret, no token, no id of a workspace or a person, and nothing that people wrote.
"""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from latchkey.config import SECTIONS, Settings
from latchkey.preflight import Finding
from latchkey.storage import SQLITE_VERSION

_PACKAGES = ("tornado", "slack_sdk", "aiohttp", "sqlitedict", "cryptography", "msgspec", "prometheus_client")
_IDS = re.compile(r"\b[TEUWCBA][A-Z0-9]{6,20}\b|\bEv[A-Z0-9]{6,}\b")
_PRIVATE = ("slack.client_id", "server.public_url", "install.success_url", "install.failure_url")
"""For these settings the file says only whether they are set."""


def support_bundle(settings: Settings | None, findings: Sequence[Finding], version: str) -> dict[str, Any]:
    """Return the content of the file. `version` is Latchkey's; `settings` is None if they cannot be loaded."""
    return {
        "latchkey": version,
        "python": sys.version.split()[0],
        "sqlite": SQLITE_VERSION,
        "system": platform.platform(),
        "packages": {name: _package_version(name) for name in _PACKAGES},
        "settings": _settings_to_json(settings) if settings is not None else None,
        "findings": [
            {"code": item.code, "severity": item.severity, "message": redacted(item.message)} for item in findings
        ],
    }


def redacted(text: str) -> str:
    """Replace everything that looks like one of Slack's ids."""
    return _IDS.sub("[id]", text)


def _settings_to_json(settings: Settings) -> dict[str, Any]:
    shown = {}
    for section, kind in SECTIONS.items():
        for key in kind.__struct_fields__:
            name = f"{section}.{key}"
            value = getattr(getattr(settings, section), key)
            shown[name] = {"value": bool(value) if name in _PRIVATE else value, "from": settings.origins[name]}
    shown["storage.url"] = {"value": settings.storage_url is not None, "from": settings.origins["storage.url"]}
    shown["slack.client_secret"] = {"value": settings.client_secret is not None, "from": None}
    shown["slack.signing_secret"] = {"value": len(settings.signing_secrets), "from": None}
    return shown


def _package_version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"
