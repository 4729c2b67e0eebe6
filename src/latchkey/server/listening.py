"""The sockets of the server, and the URLs that lead to them."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import NamedTuple

from latchkey.config import Settings
from latchkey.handlers import bind_port, bind_unix, format_address
from latchkey.preflight import OTHER_METRICS_ADDRESS, OTHER_SERVER_ADDRESS


class BoundSockets(NamedTuple):
    """The listening sockets of a server."""

    app: list[socket.socket]
    metrics: list[socket.socket]
    address: str
    """For the log: `http://HOST:PORT` or `unix:PATH`."""
    public_url: str
    """The configured public URL, or http://localhost with the port if none is configured."""
    inherited: bool
    """Whether systemd opened the app's sockets."""


@contextlib.contextmanager
def bound_sockets(settings: Settings, inherited: list[socket.socket] | None) -> Iterator[BoundSockets]:
    """Yield the sockets of the app and of the metrics; they are closed on exit, also if binding one fails.

    `inherited` are sockets that systemd opened; with them, nothing is bound for the app.
    """
    with contextlib.ExitStack() as opened:
        app = [opened.enter_context(bound) for bound in inherited or _bind(settings)]
        metrics = [opened.enter_context(bound) for bound in _bind_metrics(settings)]
        address = _address(settings, app[0], inherited=bool(inherited))
        yield BoundSockets(app, metrics, address, _public_url(settings, app[0]), bool(inherited))


def _address(settings: Settings, listening: socket.socket, *, inherited: bool) -> str:
    name = listening.getsockname()
    if listening.family == socket.AF_UNIX:
        return f"unix:{name}"
    # The host as it is configured ("localhost", or empty for all); an inherited socket has its own.
    host = name[0] if inherited else settings.address[0]
    return f"http://{format_address((host or '0.0.0.0', name[1]))}"


def _public_url(settings: Settings, listening: socket.socket) -> str:
    if not settings.server.public_url and listening.family != socket.AF_UNIX:
        return f"http://localhost:{listening.getsockname()[1]}"
    return settings.public_url


def _bind(settings: Settings) -> list[socket.socket]:
    if settings.socket_path is not None:
        return [bind_unix(settings.socket_path, settings.socket_mode)]
    return bind_port(settings.address, hint=OTHER_SERVER_ADDRESS)


def _bind_metrics(settings: Settings) -> list[socket.socket]:
    if settings.metrics_address is None:
        return []
    return bind_port(settings.metrics_address, hint=OTHER_METRICS_ADDRESS)
