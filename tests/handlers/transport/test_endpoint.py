"""The events URL below its handler: methods, connections, sizes and timeouts."""

import asyncio
import time
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient

from latchkey.handlers.services import Services
from latchkey.handlers.transport import ClientTimeouts
from latchkey.simulator import JSON, Slack, sign
from latchkey.slackapi.requests import MAX_BODY_BYTES
from tests.handlers.conftest import SIGNING_SECRETS


@pytest.mark.gen_test
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"])
async def test_other_methods_get_405(http_server: object, base_url: str, method: str) -> None:
    response = await AsyncHTTPClient().fetch(
        base_url + "/slack/events",
        method=method,
        raise_error=False,
        allow_nonstandard_methods=True,
    )
    assert response.code == 405
    assert response.headers["Allow"] == "POST"


async def raw(base_url: str, data: bytes) -> bytes:
    """Send raw bytes, and return everything received."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(base_url.rpartition(":")[2]))
    writer.write(data)
    try:
        return await asyncio.wait_for(reader.read(), 5)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def signed_event(head: str) -> bytes:
    """Return a complete request with an event that has no listener."""
    body = b'{"type":"event_callback","event":{"type":"event_without_listeners"},"event_id":"Ev1"}'
    timestamp = str(int(time.time()))
    lines = (
        f"{head}\r\nHost: x\r\nContent-Length: {len(body)}\r\nContent-Type: {JSON}\r\n"
        f"X-Slack-Request-Timestamp: {timestamp}\r\n"
        f"X-Slack-Signature: {sign(SIGNING_SECRETS[0], timestamp, body)}\r\n\r\n"
    )
    return lines.encode() + body


@pytest.mark.gen_test
async def test_keeps_the_connection_open_unless_the_sender_asks_to_close_it(http_server: object, base_url: str) -> None:
    stays, closes = (
        signed_event("POST /slack/events HTTP/1.1"),
        signed_event("POST /slack/events HTTP/1.1\r\nConnection: close"),
    )
    answers = await raw(base_url, stays + stays + closes)
    empty = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
    assert answers == (empty + b"\r\n") * 2 + empty + b"Connection: close\r\n\r\n"


@pytest.mark.gen_test
async def test_closes_http_1_0_connections_after_the_response(http_server: object, base_url: str) -> None:
    answer = await raw(base_url, signed_event("POST /slack/events HTTP/1.0"))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.gen_test
async def test_content_length_over_the_limit_gets_413_before_the_body_is_sent(
    http_server: object, base_url: str
) -> None:
    head = b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    assert (await raw(base_url, head % (MAX_BODY_BYTES + 1))).startswith(b"HTTP/1.1 413 ")
    for odd in (b"-1", b"x", b"1e3"):
        answer = await raw(base_url, head.replace(b"%d", odd))
        assert answer.startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 400 ")), odd


@pytest.mark.gen_test
async def test_rejects_chunked_body_over_the_limit(http_server: object, base_url: str) -> None:
    head = b"POST /slack/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    answer = await raw(base_url, head + chunk * (MAX_BODY_BYTES // 0x100000 + 1) + b"0\r\n\r\n")
    assert answer.startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 400 ")) or answer == b""


@pytest.mark.gen_test
async def test_accepts_chunked_body(http_server: object, slack: Slack, base_url: str) -> None:
    body = slack.sender.event_body(slack.workspace(), {"type": "x", "user": "U1"})
    timestamp = str(int(time.time()))
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:]))
    head = (
        f"POST /slack/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
        f"Content-Type: {JSON}\r\nX-Slack-Request-Timestamp: {timestamp}\r\n"
        f"X-Slack-Signature: {sign(SIGNING_SECRETS[0], timestamp, body)}\r\n\r\n"
    )
    assert (await raw(base_url, head.encode() + chunks + b"0\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


@pytest.mark.gen_test
async def test_closes_the_connection_if_the_body_arrives_too_slowly(
    http_server: object, base_url: str, app: Any, services: Services
) -> None:
    app.events.body_timeouts = ClientTimeouts(0.2, sweep_seconds=0.05)
    begun = time.monotonic()
    answer = await raw(base_url, b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab")
    assert answer == b""
    assert time.monotonic() - begun < 3
    assert await services.in_flight.wait(1) == 0
