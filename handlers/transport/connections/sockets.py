"""The sockets that the server listens on: a port, or a unix socket behind a proxy.

Invariant: never take a socket from another program. A unix socket's file is
removed only if it is a socket and nothing listens on it, and under a lock on its
folder.
"""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tornado.netutil import bind_sockets

from latchkey.errors import LatchkeyError

BACKLOG = 1024
"""Clients that wait to be accepted."""


def bind_port(address: tuple[str, int], hint: str) -> list[socket.socket]:
    """Return sockets that listen on a host and port; raises LatchkeyError with this hint."""
    host, port = address
    try:
        sockets = bind_sockets(port, host or None, backlog=BACKLOG)
    except OSError as error:
        raise LatchkeyError(f"cannot listen on {format_address(address)}: {error.strerror}", hint=hint) from None
    # Port 0 picks a free port per address family; keep only the first, so that there is one port.
    return sockets[:1] if not port else sockets


def format_address(address: tuple[str, int]) -> str:
    """Return HOST:PORT as in a URL, with an IPv6 address in brackets."""
    host, port = address
    return f"{f'[{host}]' if ':' in host else host}:{port}"


def bind_unix(path: Path, mode: int) -> socket.socket:
    """Return a socket that listens on this path; users that `mode` lets write to the file may connect.

    Raises LatchkeyError if another program listens there, or if the path is not a socket.
    """
    try:
        with _locked(path.parent):
            _remove_stale(path)
            return _bound(path, mode)
    except OSError as error:
        raise LatchkeyError(
            f"cannot listen on unix:{path}: {error.strerror}",
            hint="its folder must exist and be writable by this user",
        ) from None


def remove_unix(path: Path) -> None:
    """Remove the file of a closed socket, unless another server listens on it by now."""
    with suppress(OSError), _locked(path.parent):
        if stat.S_ISSOCK(os.lstat(path).st_mode) and not _is_listening(path):
            path.unlink()


@contextmanager
def removed_on_exit(path: Path | None) -> Iterator[None]:
    """Remove the unix socket at this path, if any, when the block ends."""
    try:
        yield
    finally:
        if path is not None:
            remove_unix(path)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other servers from creating or removing sockets in this folder meanwhile."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_stale(path: Path) -> None:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(status.st_mode):
        raise LatchkeyError(f"cannot listen on unix:{path}: it exists and is not a socket", hint="choose another path")
    if _is_listening(path):
        raise LatchkeyError(
            f"cannot listen on unix:{path}: another program listens on it",
            hint="stop that program, or choose another path",
        )
    path.unlink()


def _is_listening(path: Path) -> bool:
    """Whether a program listens on a unix socket. A full backlog or a permission error also counts as listening."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
    return True


def _bound(path: Path, mode: int) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX)
    try:
        bound.setblocking(False)
        bound.bind(os.fspath(path))
        # Nothing can connect before listen(), so a permissive umask does no harm.
        path.chmod(mode)
        bound.listen(BACKLOG)
    except BaseException:
        bound.close()
        raise
    return bound
