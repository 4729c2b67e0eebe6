"""The events URL below its handler: methods, connections, sizes and timeouts."""

import time

import pytest
from tornado.httpclient import AsyncHTTPClient

from latchkey.handlers.services import Services
from latchkey.handlers.transport import Clients
from latchkey.slackapi.requests import MAX_BODY_BYTES
from tests.handlers.conftest import SIGNING_SECRETS
from tests.handlers.transport.conftest import Dial
from tests.support.network.raw_http import exchange, head, receive_all, signature_headers, signed


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


EVENT = b'{"type":"event_callback","event":{"type":"event_without_listeners"},"event_id":"Ev1"}'
SECRET = SIGNING_SECRETS[0]


@pytest.mark.gen_test
async def test_keeps_the_connection_open_unless_the_sender_asks_to_close_it(dial: Dial) -> None:
    reader, writer = await dial()
    writer.write(signed(SECRET, EVENT) * 2 + signed(SECRET, EVENT, "Connection: close"))
    empty = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
    assert await receive_all(reader) == (empty + b"\r\n") * 2 + empty + b"Connection: close\r\n\r\n"


@pytest.mark.gen_test
async def test_closes_http_1_0_connections_after_the_response(http_server: object, base_url: str) -> None:
    request = signed(SECRET, EVENT).replace(b"HTTP/1.1", b"HTTP/1.0")
    assert (await exchange(base_url, request)).status == 200


@pytest.mark.gen_test
@pytest.mark.parametrize("size", [MAX_BODY_BYTES + 1, 1 << 40])
async def test_content_length_over_the_limit_gets_413_before_the_body(
    http_server: object, base_url: str, size: int
) -> None:
    request = head("POST /slack/events HTTP/1.1", f"Content-Length: {size}", *signature_headers(SECRET, b""))
    answer = await exchange(base_url, request)
    assert (answer.status, answer.body, answer.headers["connection"]) == (413, b"too large", "close")


@pytest.mark.gen_test
@pytest.mark.parametrize("extra", [0, 1])
async def test_chunked_body_over_the_limit_gets_413(http_server: object, base_url: str, extra: int) -> None:
    body = b"x" * (MAX_BODY_BYTES + extra)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:100], body[100:]))
    lines = ["Transfer-Encoding: chunked", "Content-Type: text/plain", *signature_headers(SECRET, body)]
    answer = await exchange(
        base_url, head("POST /slack/events HTTP/1.1", "Connection: close", *lines) + chunks + b"0\r\n\r\n"
    )
    assert (answer.status, answer.body) == ((413, b"too large") if extra else (400, b"bad request"))


@pytest.mark.gen_test
@pytest.mark.parametrize("settings", [{"clients": Clients(body_timeout=0.2, sweep_seconds=0.05)}])
async def test_closes_the_connection_if_the_body_arrives_too_slowly(
    http_server: object, base_url: str, services: Services
) -> None:
    begun = time.monotonic()
    request = head("POST /slack/events HTTP/1.1", "Content-Length: 10", *signature_headers(SECRET, b""))
    assert (await exchange(base_url, request + b"ab")).status == 0
    assert time.monotonic() - begun < 3
    assert await services.in_flight.wait(1) == 0
