"""HTTP/1.1 as RFC 9110 and 9112 define it: methods, targets, lengths, chunks and headers."""

from itertools import product

import pytest

from latchkey.handlers.services import Services
from tests.handlers.conftest import SIGNING_SECRETS
from tests.handlers.transport.conftest import Dial
from tests.support.network.raw_http import exchange, head, receive, receive_all, signature_headers, signed

SECRET = SIGNING_SECRETS[0]
CLOSE = "Connection: close"
PAGES = ["/", "/slack/install", "/slack/installed", "/slack/icon.svg", "/favicon.ico", "/healthz", "/readyz"]
EVENT = b'{"type":"event_callback","event":{"type":"event_without_listeners"},"event_id":"Ev1"}'


@pytest.mark.gen_test
async def test_head_is_get_without_a_body(http_server: object, base_url: str) -> None:
    for path in PAGES:
        got, headed = [await exchange(base_url, head(f"{method} {path} HTTP/1.1", CLOSE)) for method in ("GET", "HEAD")]
        assert got.body
        assert (headed.status, headed.body) == (got.status, b""), path
        assert headed.headers.keys() == got.headers.keys(), path
        assert headed.headers["content-type"] == got.headers["content-type"], path


@pytest.mark.gen_test
async def test_pages_refuse_other_methods_and_name_their_own(http_server: object, base_url: str) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"):
        for path in ("/", "/healthz", "/slack/oauth/callback"):
            answer = await exchange(base_url, head(f"{method} {path} HTTP/1.1", CLOSE))
            assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD"), (method, path)
        answer = await exchange(base_url, head(f"{method} /nothing HTTP/1.1", CLOSE))
        assert (answer.status, "allow" in answer.headers) == (404, False), method


@pytest.mark.gen_test
async def test_events_url_takes_only_post(http_server: object, base_url: str) -> None:
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "post"):
        for length in ("X-None: 0", "Content-Length: 100000"):
            answer = await exchange(base_url, head(f"{method} /slack/events HTTP/1.1", CLOSE, length))
            assert (answer.status, answer.headers["allow"]) == (405, "POST"), (method, length)


TARGETS = [
    ("http://elsewhere.example/healthz", 200),
    ("HTTPS://elsewhere.example:8443/healthz?x=1", 200),
    ("http://[::1]:80/healthz", 200),
    ("http://elsewhere.example", 200),
    ("http://elsewhere.example?x=1", 200),
    ("http://elsewhere.example/nothing", 404),
    ("http://person@elsewhere.example/healthz", 400),
    ("http:///healthz", 404),
    ("ftp://elsewhere.example/healthz", 404),
    ("elsewhere.example:443", 404),
    ("*", 404),
]


@pytest.mark.gen_test
async def test_a_whole_url_may_be_the_target(http_server: object, base_url: str) -> None:
    for target, status in TARGETS:
        assert (await exchange(base_url, head(f"GET {target} HTTP/1.1", CLOSE))).status == status, target


@pytest.mark.gen_test
async def test_events_url_may_be_a_whole_url(http_server: object, base_url: str) -> None:
    request = signed(SECRET, EVENT, CLOSE).replace(b"/slack/events", b"https://slack.example/slack/events?x")
    assert (await exchange(base_url, request)).status == 200


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ["/healthz", "/slack/events"])
@pytest.mark.parametrize("hosts", ["", "Host: a\r\nHost: b\r\n", "Host: a\r\nHost: a\r\n"])
async def test_needs_exactly_one_host(http_server: object, base_url: str, path: str, hosts: str) -> None:
    request = f"POST {path} HTTP/1.1\r\n{hosts}{CLOSE}\r\n\r\n".encode()
    assert (await exchange(base_url, request)).status == 400
    assert (await exchange(base_url, request.replace(b"HTTP/1.1\r\n" + hosts.encode(), b"HTTP/1.0\r\n"))).status != 400


LENGTHS = [
    (["Content-Length: {size}", "Content-Length: {size}"], 200),
    (["Content-Length: {size}, {size}"], 200),
    (["Content-Length: 0{size}"], 200),
    (["Content-Length: {size}", "Content-Length: 5"], 400),
    (["Content-Length: {size}, 5"], 400),
    (["Content-Length: -1"], 400),
    (["Content-Length: +{size}"], 400),
    (["Content-Length: 1e3"], 400),
    (["Content-Length: 0x10"], 400),
    (["Content-Length: ²"], 400),
    (["Content-Length:"], 400),
    (["Content-Length: " + "9" * 30], 400),
    (["Content-Length: {size}", "Transfer-Encoding: chunked"], 400),
    (["Transfer-Encoding: gzip, chunked"], 400),
    (["Transfer-Encoding: chunked, chunked"], 400),
    (["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], 400),
    (["Transfer-Encoding: xchunked"], 400),
]


@pytest.mark.gen_test
async def test_length_of_a_body_must_be_clear(http_server: object, base_url: str, services: Services) -> None:
    for templates, status in LENGTHS:
        lines = [line.format(size=len(EVENT)) for line in templates]
        request = head("POST /slack/events HTTP/1.1", CLOSE, "Content-Type: application/json", *lines)
        request = request[:-2] + "\r\n".join([*signature_headers(SECRET, EVENT), "", ""]).encode()
        answer = await exchange(base_url, request.replace("²".encode(), b"\xb2") + EVENT)
        assert answer.status == status, lines
    assert await services.in_flight.wait(1) == 0


def chunked(body: bytes, *, version: str = "1.1") -> bytes:
    """Return the headers of a signed event whose body follows in chunks."""
    lines = [CLOSE, "Content-Type: application/json", "Transfer-Encoding: chunked"]
    return head(f"POST /slack/events HTTP/{version}", *lines, *signature_headers(SECRET, body))


HALVES = EVENT[:12], EVENT[12:]
SIZES = tuple(f"{len(half):x}" for half in HALVES)


EXTENSIONS = ["", ";a", ";a=b", ' ; a = "b;c"', ";" + "x" * 1000, ";a;b;c=d", "\t;\xe4"]


@pytest.mark.gen_test
async def test_accepts_chunk_extensions_and_trailers(http_server: object, base_url: str) -> None:
    sizes = (SIZES[1], SIZES[1].upper(), "000" + SIZES[1])
    for extension, size, trailers in product(EXTENSIONS, sizes, ("", "Expires: never\r\n", "A: 1\r\nB:\r\n")):
        lines = [f"{SIZES[0]}{extension}\r\n", f"\r\n{size}{extension}\r\n", f"\r\n0{extension}\r\n{trailers}\r\n"]
        first, second, last = (line.encode("latin-1") for line in lines)
        answer = await exchange(base_url, chunked(EVENT) + first + HALVES[0] + second + HALVES[1] + last)
        assert (answer.status, answer.headers["connection"]) == (200, "close"), (extension, size, trailers)


@pytest.mark.gen_test
async def test_serves_the_next_request_after_extensions_and_trailers(dial: Dial) -> None:
    reader, writer = await dial()
    body = b"%x;a=b\r\n%s\r\n0\r\nA: 1\r\n\r\n" % (len(EVENT), EVENT)
    request = chunked(EVENT).replace(CLOSE.encode() + b"\r\n", b"") + body
    writer.write(request * 2 + request.replace(b"\r\n\r\n", f"\r\n{CLOSE}\r\n\r\n".encode(), 1))
    assert (await receive_all(reader)).count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.gen_test
async def test_accepts_a_chunked_body_that_arrives_byte_by_byte(dial: Dial) -> None:
    reader, writer = await dial()
    writer.write(chunked(EVENT))
    for byte in b"%x;a=b\r\n%s\r\n0;c\r\nA: 1\r\n\r\n" % (len(EVENT), EVENT):
        writer.write(bytes([byte]))
        await writer.drain()
    assert (await receive(reader)).status == 200


MALFORMED = [
    b"zz\r\n",
    b"5 \r\nhello\r\n0\r\n\r\n",
    b" 5\r\nhello\r\n0\r\n\r\n",
    b"-5\r\nhello\r\n0\r\n\r\n",
    b"0x5\r\nhello\r\n0\r\n\r\n",
    b";a=b\r\n",
    b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    b"5;a\x00\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhello0\r\n\r\n",
    b"5\r\nhello\r\n0\r\nno colon\r\n\r\n",
    b"5\r\nhello\r\n0\r\n folded: x\r\n\r\n",
    b"5\r\nhello\r\n0\r\na: \x00\r\n\r\n",
    b"5\r\nhello\r\n0\r\na: b\nc: d\r\n\r\n",
    b"5;" + b"x" * 5000 + b"\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0\r\n" + b"a: b\r\n" * 8000 + b"\r\n",
    b"5\r\nhello\r\n0\r\na: " + b"b" * 40_000 + b"\r\n\r\n",
]


@pytest.mark.gen_test
async def test_refuses_malformed_chunks_and_trailers(http_server: object, base_url: str, services: Services) -> None:
    for body in MALFORMED:
        answer = await exchange(base_url, chunked(b"hello") + body)
        assert answer.status in {400, 431}, body[:100]
    assert await services.in_flight.wait(1) == 0


@pytest.mark.gen_test
async def test_http_1_0_knows_no_chunks(http_server: object, base_url: str) -> None:
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(EVENT), EVENT)
    assert (await exchange(base_url, chunked(EVENT, version="1.0") + body)).status == 400


@pytest.mark.gen_test
@pytest.mark.parametrize("size", [40_000, 200_000])
@pytest.mark.parametrize("line", ["GET /healthz HTTP/1.1", "POST /slack/events HTTP/1.1"])
async def test_headers_over_the_limit_get_431(http_server: object, base_url: str, line: str, size: int) -> None:
    answer = await exchange(base_url, head(line, "X-Long: " + "a" * size))
    assert (answer.status, answer.body, answer.headers["connection"]) == (431, b"headers too large\n", "close")


@pytest.mark.gen_test
async def test_headers_up_to_the_limit_are_accepted(http_server: object, base_url: str) -> None:
    assert (await exchange(base_url, head("GET /healthz HTTP/1.1", CLOSE, "X-Long: " + "a" * 32_000))).status == 200
