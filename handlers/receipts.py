"""Signed receipts: a browser's proof that it has installed the app, so that the success page can be shown again.

A callback works once, so its page cannot be reloaded. The callback therefore leads to another page, and that page
shows only what the browser's own receipt contains. It never looks into the store, so strangers learn nothing.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable

import msgspec
from tornado.web import create_signed_value, decode_signed_value

MAX_AGE_SECONDS = 3600
_MAX_NAME = 200
"""Maximum length of a workspace's name in a receipt; a browser accepts 4096 bytes per cookie."""
_NAME = "receipt"
_DAY_SECONDS = 86400


class Receipt(msgspec.Struct, frozen=True):
    """What the success page shows."""

    callback: str
    """The digest of the callback that installed the app; see `digest`."""
    name: str
    """The workspace's or the organization's; may be empty."""
    app_link: str
    browser_link: str
    is_org: bool


class Receipts:
    """Signs and checks receipts. The key is new in each process: after a restart, earlier receipts are void."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock` returns Unix seconds."""
        self._secret = secrets.token_bytes(32)
        self._clock = clock

    def sign(self, receipt: Receipt) -> str:
        """Return the receipt as the value of a cookie."""
        content = msgspec.json.encode(msgspec.structs.replace(receipt, name=receipt.name[:_MAX_NAME]))
        return create_signed_value(self._secret, _NAME, content, clock=self._clock).decode()

    def read(self, value: str | None) -> Receipt | None:
        """Return the receipt in a cookie's value, or None if it is missing, was not signed here, or is too old."""
        days = MAX_AGE_SECONDS / _DAY_SECONDS
        content = decode_signed_value(self._secret, _NAME, value, max_age_days=days, clock=self._clock)
        return None if content is None else msgspec.json.decode(content, type=Receipt)


def digest(state: str | None, code: str | None) -> str:
    """Return a value that identifies a callback and from which neither its state nor its code can be found."""
    return hashlib.sha256(f"{state}\n{code}".encode()).hexdigest()
