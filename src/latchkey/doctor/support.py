"""What may be sent to somebody who helps: the machine, the settings, the counts and the findings.

Rule: no secret, no token, no id of a workspace or a person, and nothing that people wrote.
"""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from latchkey.config import SECTIONS, Settings
from latchkey.doctor.findings import Finding

_PACKAGES = ("tornado", "slack_sdk", "aiohttp", "sqlitedict", "cryptography", "msgspec", "prometheus_client")
_IDS = re.compile(r"\b[TEUWCBA][A-Z0-9]{6,20}\b|\bEv[A-Z0-9]{6,}\b")
_PRIVATE = ("slack.client_id", "server.public_url", "install.success_url", "install.failure_url")
"""Settings of which only is told whether they are set."""


def bundle(settings: Settings | None, findings: Sequence[Finding], program: str) -> dict[str, Any]:
    """Return one document; `program` is Latchkey's version."""
    return {
        "latchkey": program,
        "python": sys.version.split()[0],
        "system": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "settings": _settings_to_json(settings) if settings is not None else None,
        "findings": [{"code": item.code, "severity": item.severity, "what": redacted(item.what)} for item in findings],
    }


def redacted(text: str) -> str:
    """Take out what looks like an id at Slack."""
    return _IDS.sub("[id]", text)


def _settings_to_json(settings: Settings) -> dict[str, Any]:
    told = {}
    for section, kind in SECTIONS.items():
        for key in kind.__struct_fields__:
            name = f"{section}.{key}"
            value = getattr(getattr(settings, section), key)
            told[name] = {"value": bool(value) if name in _PRIVATE else value, "from": settings.origins[name]}
    told["slack.client_secret"] = {"value": settings.client_secret is not None, "from": None}
    told["slack.signing_secret"] = {"value": len(settings.signing_secrets), "from": None}
    return told


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
