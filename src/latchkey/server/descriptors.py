"""File descriptors: as many as the server may have, and how many of them are for clients."""

from __future__ import annotations

import logging
import resource
from pathlib import Path

WANTED_DESCRIPTORS = 4096
"""Enough for every connection that the server accepts, to Slack, and for files."""
MIN_CLIENTS = 8
_MAX_RESERVED = 256
_OPEN = Path("/proc/self/fd")

logger = logging.getLogger("latchkey")


def raise_descriptor_limit() -> None:
    """Raise the soft limit of open files, which is often 1024, as far as the hard limit allows and the server needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(WANTED_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def max_clients(wanted: int) -> int:
    """Return how many clients may be connected, at most `wanted`; call it when everything else is open.

    A quarter of the free descriptors is left for connections to Slack, and for files that are opened later.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return wanted
    free = limit - len(list(_OPEN.iterdir()))
    clients = max(MIN_CLIENTS, min(wanted, free - min(free // 4, _MAX_RESERVED)))
    if clients < wanted:
        logger.info("at most %d clients can be connected, because the limit of open files is %d", clients, limit)
    return clients
