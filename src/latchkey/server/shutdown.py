"""Stops the server: on which signals, and how requests, listeners and events that are running are finished."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

from latchkey.errors import EXIT_FAILED
from latchkey.handlers import LatchkeyServer, Services

KEEP_ALIVE_SECONDS = 0.5
"""Maximum wait for idle clients to send their next request, whose response then closes the connection."""

logger = logging.getLogger("latchkey")


def stop_on_signals() -> asyncio.Event:
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


async def drain(server: LatchkeyServer, services: Services, seconds: float) -> None:
    """Accept no new connections, finish what is running within `seconds`, and close all connections."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    logger.info("stopping: waiting up to %g s for running requests, listeners and events", seconds)
    services.in_flight.stopping = True
    server.stop()
    await server.clients_gone(min(KEEP_ALIVE_SECONDS, seconds))
    requests = await services.in_flight.wait(max(0.0, deadline - loop.time()))
    listeners, events = await asyncio.gather(
        services.interactions.drain(max(0.0, deadline - loop.time())),
        services.events.drain(max(0.0, deadline - loop.time())),
    )
    await server.close_all_connections()
    if requests or listeners or events:
        logger.warning(
            "stopped with %d requests, %d listeners and %d events unfinished; the next start resumes the events",
            requests,
            listeners,
            events,
        )
    else:
        logger.info("stopped")
