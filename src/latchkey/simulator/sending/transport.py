"""Sends one signed request to the app, and records it with its response."""

from __future__ import annotations

import hashlib
import hmac
import json
import time

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse

from latchkey.simulator.model import Exchange, World
from latchkey.simulator.sending.app_response import AppResponse

RESPONSE_TIMEOUT = 3.0
"""Seconds that Slack waits for a response."""
MAX_AGE = 300
"""Seconds after which an app must refuse a signature: https://docs.slack.dev/authentication/verifying-requests-from-slack."""


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return X-Slack-Signature for this body.

    Written apart from `latchkey.slackapi`, so that each implementation tests the other.
    """
    return "v0=" + hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()


class Transport:
    """Sends requests to the app's events URL."""

    def __init__(self, world: World) -> None:
        self._world = world
        # Enough that no request waits in the client, where its time is not measured.
        self._client = AsyncHTTPClient(force_instance=True, max_clients=100)

    def close(self) -> None:
        self._client.close()

    async def post(
        self,
        what: str,
        body: bytes,
        content_type: str,
        *,
        secret: str | None = None,
        age: int = 0,
        retry: int | None = None,
        headers: dict[str, str] | None = None,
        reason: str = "http_timeout",
    ) -> AppResponse:
        """Send a body, signed as of `age` seconds ago with the app's signing secret or with `secret`.

        The time of the signature is that of the clock of this Slack. `retry`: the number of the retry, which
        `reason` explains.
        """
        timestamp = str(int(self._world.clock()) - age)
        sent = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (simulated)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(secret or self._world.app.signing_secret, timestamp, body),
        }
        if retry is not None:
            sent |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": reason}
        request = HTTPRequest(
            self._world.app.events_url,
            "POST",
            headers={**sent, **(headers or {})},
            body=body,
            request_timeout=RESPONSE_TIMEOUT,
            follow_redirects=False,
        )
        started = time.monotonic()
        try:
            response: HTTPResponse | None = await self._client.fetch(request, raise_error=False)
        except (OSError, HTTPClientError):
            response = None
        result = AppResponse(
            what,
            response.code if response else 599,
            response.body.decode("utf-8", "replace") if response and response.body else "",
            response.headers.get("Content-Type", "") if response else "",
            (time.monotonic() - started) * 1000,
        )
        self._world.responded(result)
        notes = [_signature_note(secret is None, age), *_retry_note(retry, reason), outcome(result)]
        self._record(request, body, response, result, notes)
        return result

    def _record(
        self,
        request: HTTPRequest,
        body: bytes,
        response: HTTPResponse | None,
        result: AppResponse,
        notes: list[str],
    ) -> None:
        self._world.exchanges.add(
            Exchange(
                "to the app",
                result.what,
                "POST",
                request.url,
                [(str(name), str(value)) for name, value in request.headers.items()],
                body.decode("utf-8", "replace"),
                result.status,
                list(response.headers.get_all()) if response else [],
                result.body,
                result.milliseconds,
                self._world.clock(),
                not result.is_acknowledged,
                notes,
                event_id=_event_id(body),
            )
        )


def _event_id(body: bytes) -> str:
    """Return the id of the event in a body; empty if there is none."""
    try:
        return str(json.loads(body).get("event_id") or "")
    except (ValueError, AttributeError, RecursionError):
        return ""  # a command, an interaction, or no event on purpose


def _signature_note(is_right: bool, age: int) -> str:
    """Explain the signature of a request."""
    if not is_right:
        return "Signature wrong on purpose: the app must refuse this request."
    if age > MAX_AGE:
        return f"Signature valid but {age} s old: the app must refuse everything older than {MAX_AGE // 60} minutes."
    if age < -MAX_AGE:
        return f"Signature valid but from {-age} s in the future: the app must refuse it."
    return f"Signature valid, {abs(age)} s {'old' if age >= 0 else 'in the future'}."


def _retry_note(retry: int | None, reason: str) -> list[str]:
    return [] if retry is None else [f"Retry {retry} of Slack, because of {reason}: the app must not act twice."]


def outcome(response: AppResponse) -> str:
    """Explain the app's response in a sentence."""
    if response.timed_out:
        return f"No response within {RESPONSE_TIMEOUT:.0f} s."
    if response.status == 599:
        return "No response: nothing answers at the app's address."
    if response.is_acknowledged:
        return f"Acknowledged in {response.milliseconds:.0f} ms of {RESPONSE_TIMEOUT:.0f} s."
    return f"Not acknowledged: the app responded with status {response.status} after {response.milliseconds:.0f} ms."
