"""HTTP/1.1 as RFC 9110 and 9112 define it: keeping and closing connections, and expectations."""

import pytest

from tests.handlers.conftest import SIGNING_SECRETS
from tests.handlers.transport.conftest import Dial
from tests.support.network.raw_http import connect, exchange, head, receive, signed

SECRET = SIGNING_SECRETS[0]
CLOSE = "Connection: close"
EVENT = b'{"type":"event_callback","event":{"type":"event_without_listeners"},"event_id":"Ev1"}'


CLOSING = [
    [CLOSE],
    ["Connection: Close"],
    ["Connection: keep-alive, close"],
    ["Connection: TE , CLOSE"],
    ["Connection: TE", CLOSE],
]


@pytest.mark.gen_test
async def test_closes_the_connection_if_one_option_says_so(http_server: object, base_url: str) -> None:
    for lines in CLOSING:
        for request in (head("GET /healthz HTTP/1.1", *lines), signed(SECRET, EVENT, *lines)):
            answer = await exchange(base_url, request + head("GET /healthz HTTP/1.1", CLOSE))
            assert (answer.status, answer.headers["connection"]) == (200, "close"), lines
            assert b"HTTP/1.1" not in answer.body, lines


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "line", ["Connection: keep-alive", "Connection: closed", "Connection: ", "X-Connection: close"]
)
async def test_keeps_the_connection_open_otherwise(http_server: object, base_url: str, line: str) -> None:
    answer = await exchange(base_url, head("GET /healthz HTTP/1.1", line) + head("GET /healthz HTTP/1.1", CLOSE))
    assert answer.body.endswith(b"\r\n\r\nok\n")


@pytest.mark.gen_test
async def test_http_1_0_keeps_the_connection_open_only_if_asked(http_server: object, base_url: str) -> None:
    once, kept = (head("GET /healthz HTTP/1.0", line) for line in ("X-None: 0", "Connection: keep-alive"))
    assert (await exchange(base_url, once + once)).body == b"ok\n"
    answer = await exchange(base_url, kept + once)
    assert answer.headers["connection"].lower() == "keep-alive"
    assert answer.body.endswith(b"\r\n\r\nok\n")


@pytest.mark.gen_test
@pytest.mark.parametrize("value", ["100-continue", "100-Continue"])
async def test_asks_for_the_body_of_a_plausible_request(dial: Dial, value: str) -> None:
    reader, writer = await dial()
    start, end = signed(SECRET, EVENT, CLOSE, f"Expect: {value}").split(b"\r\n\r\n")
    writer.write(start + b"\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
    writer.write(end)
    assert (await receive(reader)).status == 200


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("start", "status"),
    [
        ("POST /slack/events HTTP/1.1", 403),
        ("PUT /slack/events HTTP/1.1", 405),
        ("POST /slack/install HTTP/1.1", 405),
        ("GET /readyz HTTP/1.1", 200),
    ],
)
async def test_does_not_ask_for_a_body_that_it_does_not_read(
    http_server: object, base_url: str, start: str, status: int
) -> None:
    answer = await exchange(base_url, head(start, "Expect: 100-continue", "Content-Length: 5000"))
    assert (answer.status, answer.headers["connection"]) == (status, "close")


@pytest.mark.gen_test
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_ignores_other_expectations_and_those_of_http_1_0(
    http_server: object, base_url: str, version: str
) -> None:
    value = "100-continue" if version == "1.0" else "something-else"
    request = signed(SECRET, EVENT, CLOSE, f"Expect: {value}").replace(b"HTTP/1.1", f"HTTP/{version}".encode())
    assert (await exchange(base_url, request)).status == 200


@pytest.mark.gen_test
async def test_client_that_is_still_sending_gets_the_response(http_server: object, base_url: str) -> None:
    reader, writer = await connect(base_url)
    writer.write(head("POST /slack/events HTTP/1.1", "Content-Length: 5000000") + b"x" * 4_000_000)
    await writer.drain()
    assert (await receive(reader)).status == 403
    writer.close()
