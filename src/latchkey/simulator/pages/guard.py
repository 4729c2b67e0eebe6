"""Refuses requests for the simulator's pages that come from another site.

Invariant: no page of another site reads or does anything here. A site can make a browser send requests to loopback,
and with DNS rebinding it can even read the responses; then the Host header still has the site's own name.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from tornado.web import HTTPError, RequestHandler

HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def check_host(request_host: str, origin: str | None) -> None:
    """Raise HTTPError 403 if the request was meant for another host, or comes from another site's page.

    Any port is accepted: `ssh -L` may use another one.
    """
    if urlsplit(f"//{request_host}").hostname not in HOSTS:
        raise HTTPError(403, "this address is not the simulator's")
    if origin is not None and urlsplit(origin).netloc != request_host:
        raise HTTPError(403, "the request comes from another site")


class GuardedHandler(RequestHandler):
    """A handler that serves only this machine's browser."""

    def prepare(self) -> None:
        check_host(self.request.host, self.request.headers.get("Origin"))

    def set_default_headers(self) -> None:
        for name, value in HEADERS.items():
            self.set_header(name, value)
