"""Verifies and makes the signature of a request.

Invariant: the raw bytes are verified before anything is parsed, and any
unsigned input raises `SignatureError` and no other exception.
https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable, Sequence

from latchkey.errors import SignatureError

WINDOW_SECONDS = 300
"""Slack's own limit: an older request may be a replay. A timestamp in the future is refused likewise."""

# Only ASCII digits: int() would also take "+1", " 1 ", "1_0" and the digits of other scripts.
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the value of X-Slack-Signature for this body and X-Slack-Request-Timestamp."""
    return _signature(_keyed(secret), timestamp, body).decode()


class SignatureVerifier:
    """Verifies with several signing secrets, so that one can be replaced without downtime."""

    def __init__(self, secrets: Sequence[str], clock: Callable[[], float] = time.time) -> None:
        """`clock` returns Unix seconds. Raises ValueError if there is no secret, or an empty one."""
        self._clock = clock
        self.use(secrets)

    def use(self, secrets: Sequence[str]) -> None:
        """Replace the secrets; raises ValueError, as the constructor does, and then keeps the old ones."""
        if not secrets or not all(secrets):
            raise ValueError("at least one signing secret is needed, and none may be empty")
        # Copying a keyed HMAC is cheaper than keying a new one for each request.
        self._keyed = [_keyed(secret) for secret in secrets]

    def check_headers(self, timestamp: str | None, signature: str | None) -> tuple[str, str]:
        """Return the headers X-Slack-Request-Timestamp and X-Slack-Signature if they can be Slack's.

        Anyone can make such headers; only `check_body` verifies them. Raises SignatureError with the reason.
        """
        if not timestamp or not signature:
            raise SignatureError("missing")
        if not _TIMESTAMP.fullmatch(timestamp):
            raise SignatureError("timestamp")
        if abs(self._clock() - int(timestamp)) > WINDOW_SECONDS:
            raise SignatureError("expired")
        if not _SIGNATURE.fullmatch(signature):
            raise SignatureError("mismatch")
        return timestamp, signature

    def check_body(self, timestamp: str, signature: str, body: bytes) -> None:
        """Return if the signature is valid for this body; otherwise raise SignatureError.

        `timestamp` and `signature` were returned by `check_headers`.
        """
        given = signature.encode()
        valid = False
        for keyed in self._keyed:
            # Compared in constant time, and with every secret, so that the time does not show which one matched.
            valid |= hmac.compare_digest(_signature(keyed, timestamp, body), given)
        if not valid:
            raise SignatureError("mismatch")


def _keyed(secret: str) -> hmac.HMAC:
    return hmac.new(secret.encode(), digestmod="sha256")


def _signature(keyed: hmac.HMAC, timestamp: str, body: bytes) -> bytes:
    mac = keyed.copy()
    mac.update(b"v0:" + timestamp.encode() + b":")
    mac.update(body)
    return b"v0=" + mac.hexdigest().encode()
