"""Requests that cannot be read are answered, counted and logged like others, each once."""

import logging
from typing import Any

import pytest

from latchkey.handlers import Services
from tests.handlers.conftest import SIGNING_SECRETS
from tests.handlers.transport.conftest import Dial
from tests.support.counts import counts
from tests.support.network.raw_http import RawResponse, exchange, head, receive, signature_headers
from tests.support.waiting import until

LONG = "a" * 40_000
UNREADABLE: list[tuple[bytes, int, str]] = [
    (b"no request\r\n\r\n", 400, "- - 400"),
    (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 400, "- - 400"),
    (head("GET /healthz HTTP/1.1", "no colon"), 400, "- - 400"),
    (head(f"GET /{LONG} HTTP/1.1"), 431, "- - 431"),
    (head("GET /healthz HTTP/1.1", f"X-Long: {LONG}"), 431, "- - 431"),
    (b"GET /slack/oauth/callback?code=1 HTTP/1.1\r\n\r\n", 400, "GET /slack/oauth/callback 400"),
    (head("POST /slack/events HTTP/1.1", "Content-Length: x"), 400, "POST /slack/events 400"),
]
"""Requests, the status of the response, and the line in the access log."""
CHUNKS = [b"zz\r\n", b"5;" + LONG.encode() + b"\r\n", b"2\r\n{}\r\n0\r\nno colon\r\n\r\n"]


def access_lines(logs: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in logs.records if record.name == "latchkey.access"]


@pytest.mark.gen_test
@pytest.mark.parametrize(("sent", "status", "line"), UNREADABLE, ids=range(len(UNREADABLE)))
async def test_a_request_that_cannot_be_read_is_answered_counted_and_logged_once(
    http_server: object,
    base_url: str,
    services: Services,
    all_logs: pytest.LogCaptureFixture,
    sent: bytes,
    status: int,
    line: str,
) -> None:
    endpoint = "callback" if "callback" in line else "events" if "events" in line else "other"
    await check_answer(await exchange(base_url, sent), status, line, all_logs)
    assert counts(services.metrics, "requests") == {(endpoint, str(status)): 1}


@pytest.mark.gen_test
@pytest.mark.parametrize("chunks", CHUNKS, ids=range(len(CHUNKS)))
async def test_an_event_with_chunks_that_cannot_be_read_is_answered_counted_and_logged_once(
    http_server: object, base_url: str, services: Services, all_logs: pytest.LogCaptureFixture, chunks: bytes
) -> None:
    signature = signature_headers(SIGNING_SECRETS[0], b"{}")
    begun = head("POST /slack/events HTTP/1.1", "Transfer-Encoding: chunked", *signature)
    await check_answer(await exchange(base_url, begun + chunks), 400, "POST /slack/events 400", all_logs)
    assert counts(services.metrics, "requests") == {("events", "400"): 1}
    assert await services.in_flight.wait(1) == 0


async def check_answer(answer: RawResponse, status: int, line: str, logs: pytest.LogCaptureFixture) -> None:
    """Check the response, and that the access log has exactly this line for it."""
    assert (answer.status, answer.headers["connection"]) == (status, "close")
    assert len(answer.body) == int(answer.headers["content-length"])
    await until(lambda: access_lines(logs))
    logged = access_lines(logs)
    assert [record.getMessage() for record in logged] == [line]
    fields: Any = logged[0].__dict__["fields"]
    assert (fields["request_id"], fields["client"]) == (answer.headers["x-request-id"], "127.0.0.1")


@pytest.mark.gen_test
async def test_a_readable_request_before_an_unreadable_one_is_logged_as_usual(
    dial: Dial, services: Services, all_logs: pytest.LogCaptureFixture
) -> None:
    reader, writer = await dial()
    writer.write(head("GET /healthz HTTP/1.1") + b"no request\r\n\r\n")
    assert (await receive(reader)).status == 200
    await until(lambda: len(access_lines(all_logs)) == 2)
    assert [record.getMessage() for record in access_lines(all_logs)] == ["GET /healthz 200", "- - 400"]


@pytest.mark.gen_test
async def test_a_connection_that_sends_no_whole_request_is_no_request(
    dial: Dial, services: Services, all_logs: pytest.LogCaptureFixture
) -> None:
    _, writer = await dial()
    writer.write(b"GET /healthz HTTP/1.1\r\n")
    await until(lambda: len(services.clients) == 1)
    writer.close()
    await until(lambda: len(services.clients) == 0)
    assert access_lines(all_logs) == []


@pytest.mark.gen_test
async def test_a_long_method_is_not_logged(
    http_server: object, base_url: str, all_logs: pytest.LogCaptureFixture
) -> None:
    answer: RawResponse = await exchange(base_url, head("M" * 30_000 + " / HTTP/1.1", "Connection: close"))
    assert answer.status == 405
    assert [record.getMessage() for record in access_lines(all_logs)] == ["(long method) / 405"]
