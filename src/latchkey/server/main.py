"""Runs the server: prepare, open the store, serve until a signal, drain.

Exit codes: 0 stopped by a signal, 1 failed, 78 bad configuration.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NoReturn

from latchkey import logs
from latchkey.errors import EXIT_FAILED, LatchkeyError
from latchkey.handlers import MAX_CONNECTIONS, LatchkeyServer, make_application, removed_on_exit, serve_metrics
from latchkey.server.descriptors import max_clients, raise_descriptor_limit
from latchkey.server.listening import BoundSockets, bound_sockets
from latchkey.server.reload import Reload
from latchkey.server.shutdown import drain, stop_on_signals
from latchkey.server.startup import Startup, prepare
from latchkey.server.supervision import HTTP_SOCKET, supervised
from latchkey.server.wiring import services_for
from latchkey.storage import Store, acting_as_owner_of, become_owner_of, forbid_core_dumps, open_store

QUICK_DRAIN_SECONDS = 1.5
"""Maximum drain time if systemd holds the socket: new requests wait in it, and Slack gives up after 3 s."""
SWITCH_INTERVAL_SECONDS = 0.0005
"""How long a thread may run before it offers the interpreter lock to a waiting one."""

logger = logging.getLogger("latchkey")


def run_and_exit(config_path: Path | None, listen: str | None, *, new_store: bool, force: bool = False) -> NoReturn:
    """Run the server until it is stopped, and end the process with its exit code."""
    forbid_core_dumps()
    raise_descriptor_limit()
    exit_now(
        _until_stopped(
            lambda: serve(prepare(config_path, listen, new_store=new_store), new_store=new_store, force=force)
        )
    )


def exit_now(exit_code: int) -> NoReturn:
    """End the process without waiting for its threads: a listener may block its own permanently."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(exit_code)


def _until_stopped(run: Callable[[], None]) -> int:
    """Run it and print the error that it raises; returns the exit code."""
    try:
        run()
    except LatchkeyError as error:
        logs.print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 0
    return 0


def serve(startup: Startup, *, new_store: bool, force: bool = False) -> None:
    """Open the store and serve until a signal. Raises LatchkeyError."""
    settings = startup.settings
    with (
        acting_as_owner_of(settings.owner_path),
        removed_on_exit(settings.socket_path),
        # Before the store: a server that finds its port taken must not change anything.
        bound_sockets(settings, startup.supervisor.sockets.get(HTTP_SOCKET)) as sockets,
        closing(
            open_store(
                settings.store_location,
                settings.keyring_path,
                new_store=new_store,
                force=force,
                server_address=sockets.address,
                connections=settings.storage.connections,
            )
        ) as store,
    ):
        become_owner_of(settings.owner_path)
        store.when_fenced(_exit_when_fenced)
        asyncio.run(_serve(startup, store, sockets))


def _exit_when_fenced() -> NoReturn:
    """End at once: this server's events run on another one, and nothing that it does can be stored."""
    logger.error(
        "no heartbeat of this server reached the database in time, and another server has taken over its events;"
        " this one ends, and can be started again"
    )
    exit_now(EXIT_FAILED)


async def _serve(startup: Startup, store: Store, sockets: BoundSockets) -> None:
    settings, supervisor = startup.settings, startup.supervisor
    async with (
        services_for(startup, store, sockets.public_url) as services,
        serve_metrics(services.metrics.registry, sockets.metrics),
    ):
        server = LatchkeyServer(
            make_application(services), clients=services.clients, max_clients=max_clients(MAX_CONNECTIONS)
        )
        server.add_sockets(sockets.app)
        stop = stop_on_signals()
        _tune_interpreter()
        reload = Reload(startup, services)
        async with supervised(supervisor, store.async_ready, reload):
            logger.info("listening on %s", sockets.address)
            logger.info("install the app at %s", services.install_url)
            if sys.stderr.isatty():
                logger.info("press Ctrl-C to stop")
            supervisor.ready()
            await stop.wait()
            supervisor.stopping()
            seconds = settings.server.drain_seconds
            await drain(server, services, min(seconds, QUICK_DRAIN_SECONDS) if sockets.inherited else seconds)


def _tune_interpreter() -> None:
    """Keep garbage collection and the interpreter lock off the path of an event to its 200."""
    # An event creates few reference cycles, and what is loaded by now stays.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    # The store's thread waits for the interpreter lock after each statement, up to Python's default of 5 ms while the
    # loop is busy. With it, durable events reached 0.96 of the rate that they reach now.
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
