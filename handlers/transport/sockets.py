"""The sockets that the server listens on: a port, or a unix socket behind a proxy.

Rule: what another program holds is never taken from it. A unix socket's file is
removed only where it is a socket and nobody answers at it, and by one server at
a time.
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

BACKLOG = 128


def bind_port(address: tuple[str, int], hint: str) -> list[socket.socket]:
    """Return sockets that listen at a host and port; raises LatchkeyError with this hint."""
    host, port = address
    try:
        sockets = bind_sockets(port, host or None)
    except OSError as error:
        raise LatchkeyError(f"cannot listen on {shown(address)}: {error.strerror}", hint=hint) from None
    # One port for all address families, also where port 0 has taken a free one.
    return sockets[:1] if not port else sockets


def shown(address: tuple[str, int]) -> str:
    """Return an address as it stands in a URL."""
    host, port = address
    return f"{f'[{host}]' if ':' in host else host}:{port}"


def bind_unix(path: Path, mode: int) -> socket.socket:
    """Return a socket that listens at this path; whoever `mode` lets write to the file may connect.

    Raises LatchkeyError where another program answers there, or where something else has the name.
    """
    try:
        with _alone_in(path.parent):
            _remove_stale(path)
            return _bound(path, mode)
    except OSError as error:
        raise LatchkeyError(
            f"cannot listen on unix:{path}: {error.strerror}",
            hint="its folder must exist, and this user must be allowed to write to it",
        ) from None


def remove_unix(path: Path) -> None:
    """Remove the file of a socket that has been closed; that of another server, which listens, stays."""
    with suppress(OSError), _alone_in(path.parent):
        if stat.S_ISSOCK(os.lstat(path).st_mode) and not _answers(path):
            path.unlink()


@contextmanager
def removed_at_the_end(path: Path | None) -> Iterator[None]:
    """Remove the unix socket at this path, if there is to be one, when all is over."""
    try:
        yield
    finally:
        if path is not None:
            remove_unix(path)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other servers that start or stop from changing sockets in this folder meanwhile."""
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
        raise LatchkeyError(
            f"cannot listen on unix:{path}: it is no socket", hint="it is left as it is; choose another path"
        )
    if _answers(path):
        raise LatchkeyError(
            f"cannot listen on unix:{path}: another program listens there", hint="stop that one, or choose another path"
        )
    path.unlink()


def _answers(path: Path) -> bool:
    """Whether anybody listens at a socket's file. One whose queue is full, or that may not be asked, does."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.setblocking(False)
        try:
            asking.connect(os.fspath(path))
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
        # Until it listens, nobody can connect, whatever the umask has left open.
        path.chmod(mode)
        bound.listen(BACKLOG)
    except BaseException:
        bound.close()
        raise
    return bound
