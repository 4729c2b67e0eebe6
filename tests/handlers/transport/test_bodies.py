"""Bodies whose sender may be anyone: not read, or bounded together."""

import asyncio
import time
from itertools import product
from typing import Any

import pytest

from latchkey.handlers.services import Services
from latchkey.handlers.transport.partial_bodies import PartialBodies
from tests.handlers.conftest import SIGNING_SECRETS
from tests.support.counts import count
from tests.support.network.raw_http import RawResponse, connect, exchange, head, receive, signature_headers

POST = "POST /slack/events HTTP/1.1"
NOW = "X-Slack-Request-Timestamp: {now}"
PLAUSIBLE = "X-Slack-Signature: v0=" + "0123456789abcdef" * 4


REFUSED = [
    ([], "missing"),
    ([NOW], "missing"),
    ([PLAUSIBLE], "missing"),
    ([NOW, "X-Slack-Signature: v0="], "mismatch"),
    ([NOW, PLAUSIBLE[:-1]], "mismatch"),
    ([NOW, PLAUSIBLE + "0"], "mismatch"),
    ([NOW, PLAUSIBLE.replace("v0", "v1")], "mismatch"),
    ([NOW, PLAUSIBLE.replace("abcdef", "ABCDEF")], "mismatch"),
    ([NOW, PLAUSIBLE, PLAUSIBLE], "mismatch"),
    ([NOW, NOW, PLAUSIBLE], "timestamp"),
    (["X-Slack-Request-Timestamp: x", PLAUSIBLE], "timestamp"),
    (["X-Slack-Request-Timestamp: 1", PLAUSIBLE], "expired"),
]


@pytest.mark.gen_test
@pytest.mark.parametrize("length", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
async def test_refuses_before_the_body_if_the_headers_cannot_be_slacks(
    http_server: object, base_url: str, services: Services, length: str
) -> None:
    for templates, reason in REFUSED:
        lines = [line.format(now=int(time.time())) for line in templates]
        before = count(services.metrics, "signature_failures", reason=reason)
        answer = await exchange(base_url, head(POST, length, *lines))
        assert (answer.status, answer.body, answer.headers["connection"]) == (403, b"invalid request", "close"), lines
        assert count(services.metrics, "signature_failures", reason=reason) == before + 1, lines
    assert await services.in_flight.wait(0) == 0


@pytest.mark.gen_test
@pytest.mark.parametrize(("size", "is_read"), [(1 << 10, True), ((1 << 10) + 1, False)])
async def test_reads_an_unsigned_body_only_if_it_can_be_the_certificate_check(
    http_server: object, base_url: str, size: int, is_read: bool
) -> None:
    body = b"ssl_check=1&token=".ljust(size, b"x")
    request = head(POST, f"Content-Length: {size}", "Connection: close")
    assert (await exchange(base_url, request + body)).status == (200 if is_read else 403)


async def begin(base_url: str, size: int, sent: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send part of a body that could be Slack's."""
    reader, writer = await connect(base_url)
    lines = [NOW.format(now=int(time.time())), PLAUSIBLE, f"Content-Length: {size}", "Connection: close"]
    writer.write(head(POST, *lines) + b"x" * sent)
    await asyncio.sleep(0.02)
    return reader, writer


async def complete(stream: tuple[asyncio.StreamReader, asyncio.StreamWriter], rest: int) -> RawResponse:
    reader, writer = stream
    writer.write(b"x" * rest)
    answer = await receive(reader)
    writer.close()
    return answer


@pytest.mark.gen_test
async def test_gives_up_the_oldest_bodies_if_too_much_is_waiting(
    http_server: object, base_url: str, app: Any, services: Services
) -> None:
    app.events.partial_bodies = PartialBodies(1500)
    oldest, old, new = [await begin(base_url, 1000, 600) for _ in range(3)]
    refused = await receive(oldest[0])
    oldest[1].close()
    assert (refused.status, refused.headers["retry-after"], refused.headers["connection"]) == (503, "5", "close")
    assert [(await complete(stream, 400)).status for stream in (new, old)] == [403, 403]
    assert await services.in_flight.wait(1) == 0


@pytest.mark.gen_test
async def test_gives_up_a_body_that_is_too_much_by_itself(http_server: object, base_url: str, app: Any) -> None:
    app.events.partial_bodies = PartialBodies(500)
    stream = await begin(base_url, 1000, 600)
    assert (await complete(stream, 0)).status == 503


@pytest.mark.gen_test
@pytest.mark.parametrize("is_completed", [True, False])
async def test_a_body_counts_only_until_its_request_ends(
    http_server: object, base_url: str, app: Any, *, is_completed: bool
) -> None:
    app.events.partial_bodies = PartialBodies(1500)
    for _ in range(4):
        stream = await begin(base_url, 1000, 800)
        if is_completed:
            assert (await complete(stream, 200)).status == 403
        stream[1].close()
        await asyncio.sleep(0.02)
    assert (await complete(await begin(base_url, 1400, 1300), 100)).status == 403


@pytest.mark.gen_test
@pytest.mark.parametrize("pieces", [1, 2, 1000])
async def test_accepts_a_body_in_pieces(http_server: object, base_url: str, pieces: int) -> None:
    body = b'{"type":"url_verification","challenge":"' + b"c" * 1960 + b'"}'
    reader, writer = await connect(base_url)
    lines = [f"Content-Length: {len(body)}", "Content-Type: application/json", "Connection: close"]
    writer.write(head(POST, *lines, *signature_headers(SIGNING_SECRETS[0], body)))
    size = -(-len(body) // pieces)
    for start in range(0, len(body), size):
        writer.write(body[start : start + size])
        await asyncio.sleep(0 if pieces > 2 else 0.02)
    answer = await receive(reader)
    writer.close()
    assert (answer.status, answer.body) == (200, b"c" * 1960)


PAGES = [
    ("GET /healthz HTTP/1.1", 200),
    ("GET / HTTP/1.1", 200),
    ("GET /slack/install HTTP/1.1", 200),
    ("POST /slack/install HTTP/1.1", 405),
    ("POST /nothing HTTP/1.1", 404),
]


@pytest.mark.gen_test
async def test_a_page_does_not_wait_for_a_body(http_server: object, base_url: str) -> None:
    for (line, status), length in product(PAGES, ["Content-Length: 1000000", "Transfer-Encoding: chunked"]):
        answer = await exchange(base_url, head(line, length, "Content-Type: multipart/form-data"))
        assert (answer.status, answer.headers["connection"]) == (status, "close"), (line, length)


@pytest.mark.gen_test
async def test_a_page_closes_the_connection_though_the_body_has_arrived(http_server: object, base_url: str) -> None:
    answer = await exchange(base_url, head("GET /readyz HTTP/1.1", "Content-Length: 5") + b"hello")
    assert (answer.status, answer.body, answer.headers["connection"]) == (200, b"ready\n", "close")
