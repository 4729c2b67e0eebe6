"""What a request's headers say about its length and its connection (RFC 9112, 6 and 9)."""

from __future__ import annotations

import re

from tornado.httputil import HTTPHeaders, HTTPInputError

_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)


def announced_size(headers: HTTPHeaders) -> int | None:
    """Return the size of the body in bytes; None if it is chunked. Raises HTTPInputError if the size is unclear.

    A size may be repeated if it is the same each time. Beside a transfer coding it is refused, because two servers
    could read such a request differently.
    """
    declared, codings = headers.get_list("Content-Length"), headers.get_list("Transfer-Encoding")
    if not codings and len(declared) == 1 and len(declared[0]) < 8 and declared[0].isascii() and declared[0].isdigit():
        return int(declared[0])
    if codings and (declared or ",".join(codings).lower() != "chunked"):
        raise HTTPInputError("the length of the body is unclear")
    sizes = {size.strip(" \t") for value in declared for size in value.split(",")}
    if len(sizes) > 1 or not all(_DIGITS.fullmatch(size) for size in sizes):
        raise HTTPInputError("the length of the body is unclear")
    return None if codings else int(sizes.pop()) if sizes else 0


def asks_to_close(headers: HTTPHeaders) -> bool:
    """Return whether the client wants no further response on this connection."""
    options = ",".join(headers.get_list("Connection")).split(",")
    return any(option.strip(" \t").lower() == "close" for option in options)
