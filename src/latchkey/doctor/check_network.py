"""Checks DNS, the clock, the certificate, and one request sent through the public address.

Invariant: requests go only to Slack's API and to this server's public address. The one signed request is
a `url_verification`, which changes nothing.
"""

from __future__ import annotations

import asyncio
import http.client
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from latchkey.config import Proxy
from latchkey.doctor.doctor_context import DoctorContext
from latchkey.doctor.reasons import failure_of
from latchkey.preflight import DNS_FAILED, Finding, Problem
from latchkey.slackapi.paths import EVENTS_PATH
from latchkey.slackapi.requests import sign

TIMEOUT_SECONDS = 10
MAX_CLOCK_DIFFERENCE_SECONDS = 60
"""Requests are refused beyond 300 s; a clock that is wrong by one minute will get there."""
MIN_CERTIFICATE_DAYS = 14
"""Certificates are usually renewed a month before they expire."""

SLACK_UNREACHABLE = Problem.error(
    "slack-unreachable",
    cause="Slack's Web API cannot be reached from this machine.",
    fix="Allow connections to slack.com, port 443, or name your proxy in HTTPS_PROXY (docs/outgoing-proxy.md).",
)
CLOCK_OFF = Problem.error(
    "clock-off",
    cause="This machine's clock differs from Slack's; beyond 5 minutes every request is refused.",
    fix="Turn on time synchronisation: timedatectl set-ntp true",
)
CERTIFICATE_INVALID = Problem.error(
    "certificate-invalid",
    cause="Browsers and Slack refuse the certificate of the public address.",
    fix="Renew it, and serve its whole chain.",
)
CERTIFICATE_EXPIRING = Problem.warning(
    "certificate-expiring",
    cause="The certificate expires soon and should have been renewed by now.",
    fix="Check why the proxy does not renew it.",
)
PUBLIC_UNREACHABLE = Problem.error(
    "public-unreachable",
    cause="The public address does not respond.",
    fix="Check DNS, firewall and proxy. Some networks do not let a machine reach its own public address.",
)
PROXY_PATH = Problem.error(
    "proxy-path",
    cause="The public address does not forward /slack/events to this server.",
    fix="Compare the proxy's configuration with `latchkey proxy-config`.",
)
PROXY_BODY = Problem.error(
    "proxy-body",
    cause="A request signed on this machine is refused at the public address: the proxy changes its body or headers, "
    "or a server with another secret responds there.",
    fix="Make the proxy forward requests unchanged; compare it with `latchkey proxy-config`.",
)
PROBLEMS = (
    DNS_FAILED, SLACK_UNREACHABLE, CLOCK_OFF, CERTIFICATE_INVALID, CERTIFICATE_EXPIRING, PUBLIC_UNREACHABLE,
    PROXY_PATH, PROXY_BODY,
)  # fmt: skip


def check_network(context: DoctorContext) -> Iterator[Finding]:
    """Check the connections between this machine, Slack and the public address."""
    # A proxy that cannot be used is reported with the configuration.
    if not context.offline and not context.settings.proxy_faults():
        yield from asyncio.run(_all(context))


async def _all(context: DoctorContext) -> list[Finding]:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        found = [item async for item in _slack(context, session)]
        if context.settings.server.public_url:
            found += [item async for item in _public(context, session)]
        return found


async def _slack(context: DoctorContext, session: aiohttp.ClientSession) -> AsyncIterator[Finding]:
    url = context.settings.slack.api_url
    proxy = context.settings.proxies.for_url(url)
    if (failure := await _dns_failure(proxy.url if proxy else url)) is not None:
        yield failure
        return
    try:
        async with session.post(url + "api.test", **context.settings.proxies.arguments(url)) as response:
            date = response.headers.get("Date", "")
    except (aiohttp.ClientError, TimeoutError) as error:
        yield SLACK_UNREACHABLE.found(failure_of(url, error, proxy))
        return
    try:
        off = context.clock() - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return
    if abs(off) > MAX_CLOCK_DIFFERENCE_SECONDS:
        yield CLOCK_OFF.found(f"this machine's clock is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} Slack")


async def _public(context: DoctorContext, session: aiohttp.ClientSession) -> AsyncIterator[Finding]:
    url = context.settings.server.public_url.rstrip("/")
    proxy = context.settings.proxies.for_url(url)
    if (failure := await _dns_failure(proxy.url if proxy else url)) is not None:
        yield failure
        return
    if url.startswith("https://"):
        failure = await asyncio.to_thread(_certificate, context, url, proxy)
        if failure is not None:
            yield failure
            if failure.problem is CERTIFICATE_INVALID:
                return
    if context.settings.signing_secrets:
        try:
            status, body, challenge = await _signed_request(context, session, url + EVENTS_PATH)
        except (aiohttp.ClientError, TimeoutError) as error:
            yield PUBLIC_UNREACHABLE.found(failure_of(url, error, proxy))
            return
        if status == 403:
            yield PROXY_BODY.found(f"{url}{EVENTS_PATH} responds with 403")
        elif (status, body) != (200, challenge):
            what = "200 and an unexpected body" if status == 200 else str(status)
            yield PROXY_PATH.found(f"{url}{EVENTS_PATH} responds with {what}")


async def _signed_request(context: DoctorContext, session: aiohttp.ClientSession, url: str) -> tuple[int, str, str]:
    """Send a signed `url_verification` request; return the status, the body, and the expected body."""
    challenge = secrets.token_hex(16)
    # Unusual whitespace and an escape: a proxy that parses and rewrites the JSON changes the bytes.
    body = b'{ "type" :"url_verification",\r\n"challenge": "' + challenge.encode() + b'", "note": "\\u00e9" }'
    timestamp = str(int(context.clock()))
    headers = {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": sign(context.settings.signing_secrets[0].reveal(), timestamp, body),
    }
    proxy = context.settings.proxies.arguments(url)
    async with session.post(url, data=body, headers=headers, allow_redirects=False, **proxy) as response:
        return response.status, (await response.content.read(1000)).decode("utf-8", "replace"), challenge


async def _dns_failure(url: str) -> Finding | None:
    host = urlsplit(url).hostname or ""
    try:
        await asyncio.get_running_loop().getaddrinfo(host, None)
    except (socket.gaierror, UnicodeError):
        return DNS_FAILED.found(f"{host} cannot be resolved")
    return None


def _certificate(context: DoctorContext, url: str, proxy: Proxy | None) -> Finding | None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection = _tls_connection(host, parts.port or 443, proxy)
    try:
        connection.connect()
        certificate: Any = connection.sock.getpeercert()
    except ssl.SSLError as error:
        reason = getattr(error, "verify_message", "") or error.reason
        return CERTIFICATE_INVALID.found(f"{host}: {reason}")
    except (OSError, http.client.HTTPException):
        return None  # the request through the public address reports this
    finally:
        connection.close()
    days = (ssl.cert_time_to_seconds(certificate["notAfter"]) - context.clock()) / 86400
    if days < MIN_CERTIFICATE_DAYS:
        return CERTIFICATE_EXPIRING.found(f"{host}: expires in {days:.0f} days")
    return None


def _tls_connection(host: str, port: int, proxy: Proxy | None) -> http.client.HTTPSConnection:
    """Return a connection to be opened, if need be through the proxy's CONNECT method."""
    tls = ssl.create_default_context()
    if proxy is None:
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=tls)
    parts = urlsplit(proxy.url)
    tunnel = http.client.HTTPSConnection(parts.hostname or "", parts.port or 80, timeout=TIMEOUT_SECONDS, context=tls)
    tunnel.set_tunnel(host, port, dict(proxy.headers))
    return tunnel
