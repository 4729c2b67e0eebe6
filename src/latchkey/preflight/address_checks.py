"""Checks that the server can listen at its addresses, and who else could reach them.

Invariant: nothing listens, so no request is accepted and none is lost.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from latchkey.config import EVERYWHERE, Settings
from latchkey.errors import ConfigError, Fault, LatchkeyError
from latchkey.preflight.context import StartContext
from latchkey.preflight.problems import Finding, Problem
from latchkey.storage import open_for_command, open_processes

ADDRESS_UNUSABLE = Problem.error(
    "address-unusable",
    cause="The host is not one of this machine's, the port is in use, or this user may not open it.",
    fix="Change [server] listen or [metrics] listen.",
)
ADDRESS_IN_USE = Problem.warning(
    "address-in-use",
    cause="The server is running already, so it cannot be started a second time.",
    fix="Nothing, unless you wanted to start it.",
)
REACHABLE_BY_ALL = Problem.warning(
    "reachable-by-all",
    cause="The address accepts unencrypted connections from every network that this machine is in.",
    fix="Listen on 127.0.0.1, with the proxy on this machine, or let a firewall admit only the proxy.",
)
PROBLEMS = (ADDRESS_UNUSABLE, ADDRESS_IN_USE, REACHABLE_BY_ALL)

SOCKET_UNIT = "latchkey.socket"
SYSTEMCTL_TIMEOUT = 5.0

OTHER_SERVER_ADDRESS = "choose another address with [server] listen or --listen HOST:PORT"
OTHER_METRICS_ADDRESS = 'choose another address with [metrics] listen, or turn the metrics off with listen = ""'

_PORT_ADVICE = {
    errno.EADDRINUSE: "stop the program that listens there",
    errno.EADDRNOTAVAIL: "this machine does not have that address: use 127.0.0.1 with a proxy on this machine",
    errno.EACCES: "this user may not open that port: let the proxy listen there, and use a port above 1023",
}
_UNIX_ADVICE = {
    errno.EADDRINUSE: "another program listens there; stop it, or choose another path with [server] listen",
    errno.EACCES: "this user cannot write to the folder of the socket",
    errno.ENOENT: "the folder of the socket must exist",
    errno.EEXIST: "choose another path with [server] listen",
}
_NOT_RESOLVED = "the host cannot be resolved; use an address of this machine, such as 127.0.0.1"


class _Address(NamedTuple):
    """A host and port to listen on, by the setting that names them."""

    section: str
    host: str
    port: int

    @property
    def setting(self) -> str:
        return f"[{self.section}] listen"

    def hint(self, failure: OSError) -> str:
        """Return what to do if nothing can listen there."""
        if isinstance(failure, socket.gaierror):
            return _NOT_RESOLVED
        other = OTHER_METRICS_ADDRESS if self.section == "metrics" else OTHER_SERVER_ADDRESS
        advice = _PORT_ADVICE.get(failure.errno or 0)
        return f"{advice}, or {other}" if advice else other

    def __str__(self) -> str:
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def check_addresses(context: StartContext) -> Iterator[Finding]:
    """Bind each address without listening on it, and release it at once."""
    settings = context.settings
    addresses = list(_addresses(settings, has_socket=context.has_socket))
    if len(addresses) == 2 and _collide(*addresses):
        fault = Fault("[metrics] listen", f"{addresses[1]} is also the server's address")
        yield from ADDRESS_UNUSABLE.refusals(ConfigError([fault], hint="choose another port"))
        addresses.pop()
    for address in addresses:
        if address.host in EVERYWHERE:
            yield REACHABLE_BY_ALL.found(f"{address} is every address of this machine", where=address.setting)
        if failure := _bind_error(address):
            yield from _refused(context, str(address), failure, address.hint(failure))
    path = settings.socket_path
    if path is not None and not context.has_socket and (failure := _unix_error(path)):
        yield from _refused(context, f"unix:{path}", failure, _UNIX_ADVICE.get(failure.errno or 0, ""))


def _addresses(settings: Settings, *, has_socket: bool) -> Iterator[_Address]:
    if settings.socket_path is None and not has_socket:
        yield _Address("server", *settings.address)
    if settings.metrics_address is not None:
        yield _Address("metrics", *settings.metrics_address)


def _refused(context: StartContext, where: str, failure: OSError, hint: str) -> Iterator[Finding]:
    if failure.errno == errno.EADDRINUSE and context.beside_server:
        pids = ", ".join(map(str, _pids_with_store(context.settings)))
        if pids or _systemd_listens():
            holder = f"the running server (pid {pids})" if pids else "systemd, for the service"
            yield ADDRESS_IN_USE.found(f"{where} is in use by {holder}")
            return
    yield from ADDRESS_UNUSABLE.refusals(LatchkeyError(f"cannot listen on {where}: {failure.strerror}", hint=hint))


def _systemd_listens() -> bool:
    """Whether systemd holds the service's socket, as it does also while the service is stopped."""
    if shutil.which("systemctl") is None:
        return False
    command = ["systemctl", "is-active", "--quiet", SOCKET_UNIT]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SYSTEMCTL_TIMEOUT, check=False)  # noqa: S603  # fixed arguments
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _pids_with_store(settings: Settings) -> list[int]:
    """Return this machine's processes that have this configuration's store open."""
    location = settings.store_location
    try:
        if isinstance(location, Path):
            found = open_processes(location)
        else:
            with closing(open_for_command(location, settings.keyring_path)) as store:
                found = store.keys.processes()
    except (OSError, LatchkeyError):
        return []
    return [each.pid for each in found if each.pid != os.getpid() and each.host in ("", socket.gethostname())]


def _collide(one: _Address, other: _Address) -> bool:
    if one.port != other.port or not one.port:
        return False
    return bool({one.host, other.host} & EVERYWHERE) or bool(set(_resolved(one)) & set(_resolved(other)))


def _resolved(address: _Address) -> list[tuple[int, tuple[object, ...]]]:
    """Return families and socket addresses; none if the host cannot be resolved."""
    try:
        return list(_resolve(address))
    except OSError:
        return []


def _resolve(address: _Address) -> Iterator[tuple[int, tuple[object, ...]]]:
    host = address.host or None
    for family, _, _, _, found in socket.getaddrinfo(
        host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    ):
        yield family, found


def _bind_error(address: _Address) -> OSError | None:
    """Return why the server could not listen there, or None. Treats families as Tornado's `bind_sockets` does."""
    try:
        for family, found in _resolve(address):
            _bind(family, found, is_localhost=address.host == "localhost")
    except OSError as failure:
        return failure
    return None


def _bind(family: int, found: tuple[object, ...], *, is_localhost: bool) -> None:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(found)
    except OSError as failure:
        # This machine has no IPv6, or "localhost" has an address that it does not have.
        if failure.errno != errno.EAFNOSUPPORT and not (
            failure.errno == errno.EADDRNOTAVAIL and is_localhost and family == socket.AF_INET6
        ):
            raise


def _unix_error(path: Path) -> OSError | None:
    """Return why the server could not listen on this unix socket, or None."""
    try:
        path.parent.stat()
        if not os.access(path.parent, os.W_OK, effective_ids=True):
            return PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if os.path.lexists(path) and not stat.S_ISSOCK(path.lstat().st_mode):
            return FileExistsError(errno.EEXIST, "it exists and is not a socket")
    except OSError as failure:
        return failure
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return None
        except OSError as failure:
            return failure
    return OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
