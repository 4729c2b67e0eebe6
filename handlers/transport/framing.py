"""What a request's headers say about its target, its length and its connection (RFC 9112, 3, 6 and 9)."""

from __future__ import annotations

import re

from tornado.httputil import HTTPHeaders, HTTPInputError, RequestStartLine

_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)
_ABSOLUTE = re.compile(r"https?://([^/?#]+)([^#]*)", re.IGNORECASE | re.ASCII)


def origin_form(line: RequestStartLine, headers: HTTPHeaders) -> RequestStartLine:
    """Return the line with only path and query as its target; a whole URL replaces the Host header."""
    whole = _ABSOLUTE.match(line.path)
    if whole is None:
        return line
    headers["Host"] = whole[1]
    return line._replace(path=whole[2] if whole[2].startswith("/") else f"/{whole[2]}")


def announced_size(version: str, headers: HTTPHeaders) -> int | None:
    """Return the size of the body in bytes; None if it is chunked. Raises HTTPInputError if the size is unclear.

    A size may be repeated if it is the same each time. Beside a transfer coding it is refused, because two servers
    could read such a request differently; HTTP/1.0 knows no transfer codings.
    """
    declared, codings = headers.get_list("Content-Length"), headers.get_list("Transfer-Encoding")
    if not codings and len(declared) == 1 and len(declared[0]) < 8 and declared[0].isascii() and declared[0].isdigit():
        return int(declared[0])
    if codings:
        if declared or version == "HTTP/1.0" or ",".join(codings).lower() != "chunked":
            raise HTTPInputError("the length of the body is unclear")
        return None
    sizes = {size.strip(" \t") for value in declared for size in value.split(",")}
    if len(sizes) > 1 or not all(_DIGITS.fullmatch(size) for size in sizes):
        raise HTTPInputError("the length of the body is unclear")
    return int(sizes.pop()) if sizes else 0


def asks_to_close(headers: HTTPHeaders) -> bool:
    """Return whether the client wants no further response on this connection."""
    options = ",".join(headers.get_list("Connection")).split(",")
    return any(option.strip(" \t").lower() == "close" for option in options)


def settle_expectation(version: str, headers: HTTPHeaders) -> None:
    """Write the Expect header as Tornado knows it, or delete it: HTTP/1.0 has none, and others may be ignored."""
    if version != "HTTP/1.0" and headers["Expect"].lower() == "100-continue":
        headers["Expect"] = "100-continue"
    else:
        del headers["Expect"]
