"""The front door: configuration, wiring, listening, draining.

Rule: everything is made here and handed over; nothing else in the house makes
its own. `python server.py --help` tells the flags. Exit codes: 0 stopped as
asked, 1 failed, 2 usage, 78 bad configuration.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import click

from latchkey import logs
from latchkey.config import Settings, SlackCredentials, find_checkout, load_settings, refuse_empty_folder
from latchkey.dispatch import App, load_listeners
from latchkey.errors import EXIT_FAILED, LatchkeyError
from latchkey.handlers import (
    AccessLog,
    LatchkeyServer,
    Services,
    bind_port,
    bind_unix,
    format_address,
    make_application,
    removed_on_exit,
    serve_metrics,
)
from latchkey.server.reload import Reload
from latchkey.server.supervision import HTTP_SOCKET, Supervisor, supervised
from latchkey.server.wiring import services_for
from latchkey.storage import Store, StoredEvent, forbid_core_dumps, open_store

LINGER_SECONDS = 0.5
"""How long a stop waits for idle clients' next requests."""
QUICK_DRAIN_SECONDS = 1.5
"""How long a stop takes at most where systemd holds the socket: new requests wait there, and Slack for 3 s."""

logger = logging.getLogger("latchkey")


@click.command("serve")
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="config.toml to use (default: $LATCHKEY_CONFIG, else the one in this folder)",
)
@click.option("--listen", metavar="HOST:PORT", help="address to listen on, in place of [server] listen")
@click.option("--new-store", is_flag=True, help="make an empty store beside a keyring that exists already")
def command(*, config_path: Path | None, listen: str | None, new_store: bool) -> None:
    """Run the Slack app server."""
    exit_code = _run(config_path, listen, new_store=new_store)
    logging.shutdown()
    sys.stdout.flush()
    # Python itself would wait for every thread, and a listener's may be blocked for good.
    os._exit(exit_code)


def main() -> int:
    """Run the server until it is stopped; returns the exit code if it could not start."""
    command.main(prog_name="latchkey serve")
    return 0


def _run(config_path: Path | None, listen: str | None, *, new_store: bool) -> int:
    forbid_core_dumps()
    try:
        supervisor = Supervisor(os.environ)
        flags = {"server.listen": listen} if listen else {}
        read = partial(load_settings, config_path, os.environ, flags)
        settings = read()
        checkout = find_checkout()
        refuse_empty_folder(settings, checkout)
        credentials = settings.require_slack()
        write_line = logs.configure(settings.log.level, settings.log.format, settings.secrets)
        app = load_listeners(settings.listeners.modules, settings.base, checkout)
        with removed_on_exit(settings.socket_path), contextlib.closing(_open(settings, new_store)) as store:
            recovered = store.inbox.recover()
            asyncio.run(_serve(settings, credentials, store, app, AccessLog(write_line), recovered, supervisor, read))
    except LatchkeyError as error:
        logs.print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 0
    return 0


def _open(settings: Settings, new_store: bool) -> Store:
    return open_store(settings.store_path, settings.keyring_path, new_store=new_store)


async def _serve(
    settings: Settings,
    credentials: SlackCredentials,
    store: Store,
    app: App,
    access_log: AccessLog,
    recovered: list[StoredEvent],
    supervisor: Supervisor,
    read: Callable[[], Settings],
) -> None:
    inherited = supervisor.sockets.get(HTTP_SOCKET)
    async with (
        _bound(settings, inherited) as (sockets, metrics_sockets),
        services_for(
            settings, credentials, store, app, access_log, _public_url(settings, sockets[0]), recovered
        ) as services,
        serve_metrics(services.metrics.registry, metrics_sockets),
    ):
        server = LatchkeyServer(make_application(services))
        server.add_sockets(sockets)
        stop = _stop_on_signals()
        _calm_the_collector()
        reload = Reload(
            read, settings, verifier=services.verifier, oauth=services.oauth, access_log=services.access_log
        )
        async with supervised(supervisor, services.store.async_ready, reload):
            logger.info("listening on %s", _address(settings, sockets[0], inherited=bool(inherited)))
            logger.info("install the app at %s", services.install_url)
            supervisor.ready()
            await stop.wait()
            supervisor.stopping()
            seconds = settings.server.drain_seconds
            await _drain(server, services, min(seconds, QUICK_DRAIN_SECONDS) if inherited else seconds)


def _calm_the_collector() -> None:
    """Keep garbage collection away from the hot path: an event makes few cycles, and what is loaded now stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@contextlib.asynccontextmanager
async def _bound(
    settings: Settings, inherited: list[socket.socket] | None
) -> AsyncIterator[tuple[list[socket.socket], list[socket.socket]]]:
    """Lend the sockets of the app and of the metrics; they are closed also where the start fails."""
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(bound) for bound in inherited or _bind(settings)]
        yield sockets, [opened.enter_context(bound) for bound in _bind_metrics(settings)]


def _bind(settings: Settings) -> list[socket.socket]:
    if settings.socket_path is not None:
        return [bind_unix(settings.socket_path, settings.socket_mode)]
    return bind_port(
        settings.address,
        "another program has the port, or the address is not this machine's; choose with --listen HOST:PORT",
    )


def _address(settings: Settings, listening: socket.socket, *, inherited: bool) -> str:
    """Return where the server listens, as a person reads it."""
    name = listening.getsockname()
    if listening.family == socket.AF_UNIX:
        return f"unix:{name}"
    # As it is configured ("localhost", or nothing for all); an inherited socket has an address of its own.
    host = name[0] if inherited else settings.address[0]
    return f"http://{format_address((host or '0.0.0.0', name[1]))}"


def _public_url(settings: Settings, listening: socket.socket) -> str:
    if not settings.server.public_url and listening.family != socket.AF_UNIX:
        return f"http://localhost:{listening.getsockname()[1]}"
    return settings.public_url


def _bind_metrics(settings: Settings) -> list[socket.socket]:
    if settings.metrics_address is None:
        return []
    return bind_port(
        settings.metrics_address,
        "it is for the metrics; another program has the port: choose with [metrics] listen, or turn them off with "
        'listen = ""',
    )


def _stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set; a second signal ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop_or_exit() -> None:
        if stop.is_set():
            os._exit(EXIT_FAILED)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop_or_exit)
    return stop


async def _drain(server: LatchkeyServer, services: Services, seconds: float) -> None:
    """Accept nothing new, finish what has begun within `seconds`, and close."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    logger.info("stopping: finishing what is under way, within %g s", seconds)
    services.in_flight.stopping = True
    server.stop()
    await server.clients_gone(min(LINGER_SECONDS, seconds))
    requests = await services.in_flight.wait(max(0.0, deadline - loop.time()))
    listeners, events = await asyncio.gather(
        services.interactions.drain(max(0.0, deadline - loop.time())),
        services.events.drain(max(0.0, deadline - loop.time())),
    )
    await server.close_all_connections()
    if requests or listeners or events:
        logger.warning(
            "stopped with %d requests, %d listeners and %d events unfinished; the events go on at the next start",
            requests,
            listeners,
            events,
        )
    else:
        logger.info("stopped")
