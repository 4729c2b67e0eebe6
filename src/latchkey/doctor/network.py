"""Names, clocks, certificates, and a request that goes out and comes back through the public address.

Rule: nothing is sent anywhere but to Slack's API and to this server's own address,
and the one signed request asks for nothing to be done (`url_verification`).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp

from latchkey.doctor.context import Patient
from latchkey.doctor.findings import Finding, finding

TIMEOUT_SECONDS = 10
CLOCK_SECONDS = 60
"""Slack refuses nothing before 300 s; a clock that is off by one minute is on its way there."""
CERTIFICATE_DAYS = 14
"""Certificates are renewed a month before their end."""
_EVENTS_PATH = "/slack/events"


def examine(patient: Patient) -> Iterator[Finding]:
    """Look at what lies between this machine, Slack and the public address."""
    yield from asyncio.run(_all(patient))


async def _all(patient: Patient) -> list[Finding]:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        found = [item async for item in _slack(patient, session)]
        if patient.settings.server.public_url:
            found += [item async for item in _public(patient, session)]
        return found


async def _slack(patient: Patient, session: aiohttp.ClientSession) -> AsyncIterator[Finding]:
    url = patient.settings.slack.api_url
    if (failure := await _unresolved(url)) is not None:
        yield failure
        return
    try:
        async with session.post(url + "api.test") as answer:
            date = answer.headers.get("Date", "")
    except (aiohttp.ClientError, TimeoutError) as error:
        yield finding("slack-unreachable", f"{url}: {type(error).__name__}")
        return
    try:
        off = patient.clock() - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return
    if abs(off) > CLOCK_SECONDS:
        yield finding("clock-off", f"this machine is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} Slack")


async def _public(patient: Patient, session: aiohttp.ClientSession) -> AsyncIterator[Finding]:
    url = patient.settings.server.public_url.rstrip("/")
    if (failure := await _unresolved(url)) is not None:
        yield failure
        return
    if url.startswith("https://"):
        failure = await _certificate(patient, url)
        if failure is not None:
            yield failure
            if failure.code == "certificate-invalid":
                return
    if patient.settings.signing_secrets:
        try:
            status, body, challenge = await _ask_itself(patient, session, url + _EVENTS_PATH)
        except (aiohttp.ClientError, TimeoutError) as error:
            yield finding("public-unreachable", f"{url}: {type(error).__name__}")
            return
        if status == 403:
            yield finding("proxy-body", f"{url}{_EVENTS_PATH} answers 403")
        elif (status, body) != (200, challenge):
            what = "200 and something else" if status == 200 else str(status)
            yield finding("proxy-path", f"{url}{_EVENTS_PATH} answers {what}")


async def _ask_itself(patient: Patient, session: aiohttp.ClientSession, url: str) -> tuple[int, str, str]:
    """Send a signed `url_verification`; returns status, body, and the challenge that should be the body."""
    challenge = secrets.token_hex(16)
    # Odd spaces and an escape: whoever writes this JSON anew writes other bytes.
    body = b'{ "type" :"url_verification",\r\n"challenge": "' + challenge.encode() + b'", "note": "\\u00e9" }'
    timestamp = str(int(patient.clock()))
    key = patient.settings.signing_secrets[0].reveal().encode()
    signature = hmac.new(key, b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": f"v0={signature}",
    }
    async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
        return answer.status, (await answer.content.read(1000)).decode("utf-8", "replace"), challenge


async def _unresolved(url: str) -> Finding | None:
    host = urlsplit(url).hostname or ""
    try:
        await asyncio.get_running_loop().getaddrinfo(host, None)
    except (socket.gaierror, UnicodeError):
        return finding("dns-failed", f"{host} has no address")
    return None


async def _certificate(patient: Patient, url: str) -> Finding | None:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=ssl.create_default_context())
    except ssl.SSLError as error:
        reason = getattr(error, "verify_message", "") or error.reason
        return finding("certificate-invalid", f"{host}: {reason}")
    except (OSError, TimeoutError):
        return None  # the request through it says more
    certificate = writer.get_extra_info("peercert")
    writer.close()
    days = (ssl.cert_time_to_seconds(certificate["notAfter"]) - patient.clock()) / 86400
    if days < CERTIFICATE_DAYS:
        return finding("certificate-expiring", f"{host}: {days:.0f} days are left")
    return None
