"""Whether a request was signed by Slack.

Rule: the raw bytes are verified before anything is parsed, and whatever a
stranger sends ends in `SignatureError`, never in another exception.
https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable, Sequence

from latchkey.errors import SignatureError

WINDOW_SECONDS = 300
"""Slack's own figure: a request older than five minutes may be a replay. The future is refused alike."""

# ASCII digits alone: int() would also take "+1", " 1 ", "1_0" and the digits of other scripts.
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


class SignatureVerifier:
    """Verifies with each of several signing secrets, so that one can be replaced without a gap."""

    def __init__(self, secrets: Sequence[str], clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix seconds. Raises ValueError where there is no secret or an empty one."""
        self._clock = clock
        self.use(secrets)

    def use(self, secrets: Sequence[str]) -> None:
        """Verify with these from now on; raises ValueError, and keeps those that it has, as the constructor does."""
        if not secrets or not all(secrets):
            raise ValueError("at least one signing secret is needed, and none may be empty")
        # The keyed state is computed once; copying it costs less than keying anew for each request.
        self._keyed = [hmac.new(secret.encode(), digestmod="sha256") for secret in secrets]

    def verify(self, timestamp: str | None, signature: str | None, body: bytes) -> None:
        """Return where the signature is good; raises SignatureError with the reason where it is not.

        `timestamp` and `signature` are the headers X-Slack-Request-Timestamp and X-Slack-Signature.
        """
        if not timestamp or not signature:
            raise SignatureError("missing")
        if not _TIMESTAMP.fullmatch(timestamp):
            raise SignatureError("timestamp")
        if abs(self._clock() - int(timestamp)) > WINDOW_SECONDS:
            raise SignatureError("expired")
        # Bytes, because compare_digest refuses text that is not ASCII with a TypeError.
        given = signature.encode("utf-8", "surrogatepass")
        base = b"v0:" + timestamp.encode() + b":"
        good = False
        for keyed in self._keyed:
            mac = keyed.copy()
            mac.update(base)
            mac.update(body)
            # Constant time against guessing byte by byte, and no early end that would tell which secret it was.
            good |= hmac.compare_digest(b"v0=" + mac.hexdigest().encode(), given)
        if not good:
            raise SignatureError("mismatch")
