"""A web server in a thread that responds to every POST with one function; takes the place of Slack or of the proxy."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Responder = Callable[[bytes], tuple[int, bytes]]
POLL_SECONDS = 0.01
"""Seconds until `shutdown` is noticed, once per server; the default of half a second would be most of a test."""


@contextmanager
def fake_server(respond: Responder, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve on a free loopback port; yields the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = respond(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True)
        thread.start()
        try:
            yield f"{'https' if context else 'http'}://localhost:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
