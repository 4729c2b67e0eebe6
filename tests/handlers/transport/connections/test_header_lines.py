"""Header lines that are parsed only once."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPHeaders, HTTPInputError

from latchkey.handlers.transport.connections.header_lines import MAX_LINE_LENGTH, MAX_LINES, HeaderParser

LINES = st.one_of(
    st.sampled_from(["Host: a", "host:b", "X-A: 1", "x-a: 2", "X-A:1", "Accept: */*", f"X-Long: {'a' * 100}", "X-B:"]),
    st.builds(
        "{}:{}".format,
        st.from_regex(r"[!-~]{1,5}", fullmatch=True),
        st.text(st.characters(max_codepoint=255), max_size=8),
    ),
    st.text(st.characters(max_codepoint=255), max_size=8),
)


def parsed_by_tornado(data: bytes) -> tuple[str, list[tuple[str, str]]] | str:
    try:
        line, headers = HTTP1Connection._parse_headers(None, data)  # type: ignore[arg-type]
    except HTTPInputError as error:
        return str(error)
    return line, list(headers.get_all())


def parsed(parser: HeaderParser, data: bytes) -> tuple[str, list[tuple[str, str]]] | str:
    try:
        line, headers = parser.parse(data)
    except HTTPInputError as error:
        return str(error)
    return line, list(headers.get_all())


def joined(lines: list[str], end: str = "\r\n") -> bytes:
    return (end.join(["POST / HTTP/1.1", *lines]) + end + end).encode("latin1")


@given(st.lists(LINES, max_size=6), st.sampled_from(["\r\n", "\n"]))
@example([], "\r\n")
@example(["Host: a", " folded"], "\r\n")
@example(["Host: a\r"], "\r\n")
@example(["", "Host: a"], "\n")
def test_result_is_that_of_tornados_parser_also_the_second_time(lines: list[str], end: str) -> None:
    parser, data = HeaderParser(), joined(lines, end)
    expected = parsed_by_tornado(data)
    assert parsed(parser, data) == expected
    assert parsed(parser, data) == expected


@pytest.mark.parametrize("data", [b"\r\n\r\n", b"\n\n", b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET\n\n"])
def test_result_is_that_of_tornados_parser_for_an_unusual_first_line(data: bytes) -> None:
    assert parsed(HeaderParser(), data) == parsed_by_tornado(data)


def test_each_known_line_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parser, data = HeaderParser(), joined(["Host: a", "Accept: */*"])
    parser.parse(data)
    monkeypatch.setattr(HTTPHeaders, "parse_line", lambda _self, line: pytest.fail(line) if line.strip() else None)
    assert list(parser.parse(data)[1].get_all()) == [("Host", "a"), ("Accept", "*/*")]


def test_headers_of_one_request_do_not_change_those_of_the_next() -> None:
    parser, data = HeaderParser(), joined(["Host: a"])
    parser.parse(data)[1].add("Host", "b")
    assert list(parser.parse(data)[1].get_all()) == [("Host", "a")]


def test_remembers_a_limited_number_of_short_lines() -> None:
    parser = HeaderParser()
    for number in range(2 * MAX_LINES):
        parser.parse(joined([f"X-A: {number}", f"X-B: {'b' * MAX_LINE_LENGTH}{number}"]))
    assert 0 < len(parser._known) <= MAX_LINES
    assert max(map(len, parser._known)) < MAX_LINE_LENGTH
