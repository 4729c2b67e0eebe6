"""The values in an install link, encrypted and authenticated with the keyring.

The keyring, not the signing secret: commands can read it even if the secrets are systemd credentials, Slack does not
know it, and a link outlives a new signing secret. A link names its key, so it stays valid while its key is in the
keyring, and ends when that key is retired.

Invariant: a link is sealed for a table that the store does not have, so that neither can be used as the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from latchkey.errors import LinkError, UnreadableRecord
from latchkey.storage.crypto.keyring import Keyring
from latchkey.storage.crypto.sealing import Sealer

MAX_VALUES = 20
MAX_VALUE_LENGTH = 500
MAX_BYTES = 1000
"""Of all names and values as JSON, so that a link fits into the 2,000 characters that browsers and proxies accept."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,39}", re.ASCII)
_TABLE, _ID = "install-links", ""


def value_fault(values: Mapping[str, str]) -> str | None:
    """Return why an install cannot have these values, or None if it can."""
    if len(values) > MAX_VALUES:
        return f"more than {MAX_VALUES} values"
    for name, value in values.items():
        if not _NAME.fullmatch(name):
            return "the name of a value must be a letter, followed by at most 39 letters, digits, _, . and -"
        if not value or len(value) > MAX_VALUE_LENGTH or not value.isprintable():
            return f"the value of {name} must be 1 to {MAX_VALUE_LENGTH} printable characters"
    if len(msgspec.json.encode(values)) > MAX_BYTES:
        return f"the names and values together are larger than {MAX_BYTES} bytes"
    return None


def seal_values(keyring: Keyring, values: Mapping[str, str], expires_at: float) -> str:
    """Return the text with which a link passes these values until then (Unix seconds); raises ValueError."""
    if fault := value_fault(values):
        raise ValueError(fault)
    sealed = Sealer(keyring).seal(_TABLE, _ID, {"values": dict(values), "expires_at": expires_at})
    return sealed.decode("ascii").replace(":", ".")


def open_values(sealer: Sealer, text: str, now: float) -> dict[str, str]:
    """Return the values in a link's text; raises LinkError if it was not sealed with a present key, or has expired."""
    try:
        content = sealer.open(_TABLE, _ID, text.replace(".", ":").encode("ascii", "replace"))
    except UnreadableRecord:
        raise LinkError("invalid") from None
    if now >= content["expires_at"]:
        raise LinkError("expired")
    return dict(content["values"])
