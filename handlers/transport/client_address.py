"""The client's address for the log: the peer's, or the one that a trusted proxy reports.

Tornado's `xheaders` trusts single addresses; this also trusts networks and unix sockets.

Invariant: anybody can write `X-Forwarded-For`. It is read only if the connection
comes from a trusted proxy, from right to left, up to the first address that is not
a trusted proxy's; everything before that is the client's own claim.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

UNIX = "unix"
"""The address of every client of a unix socket; the socket's mode decides who can connect."""
MAX_HOPS = 10
MAX_CACHED_LENGTH = 200
MAX_CACHED = 1000
_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}", re.ASCII)


class ClientAddresses:
    """Finds clients' addresses, given the trusted proxies."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        """`trusted` are addresses, networks, or "unix"; raises ValueError for anything else."""
        names = list(trusted)
        self._trusts_unix = UNIX in names
        self._networks = [ip_network(name) for name in names if name != UNIX]
        self._cached: dict[tuple[str, str], str] = {}

    def address(self, context: Any, headers: Mapping[str, str]) -> str:
        """Return the client's address; `context` is the `context` of Tornado's connection."""
        peer: str = UNIX if context.address_family == socket.AF_UNIX else context.remote_ip
        if not (self._networks or self._trusts_unix):
            return peer
        forwarded = headers.get("X-Forwarded-For")
        if not forwarded:
            return peer
        key = (peer, forwarded)
        found = self._cached.get(key)
        if found is None:
            found = self._read(peer, forwarded)
            if len(forwarded) <= MAX_CACHED_LENGTH:
                if len(self._cached) >= MAX_CACHED:
                    self._cached.clear()
                self._cached[key] = found
        return found

    def _read(self, peer: str, forwarded: str) -> str:
        if not (self._trusts_unix if peer == UNIX else self._trusts(_parsed(peer))):
            return peer
        client = peer
        for text in reversed(forwarded.split(",")[-MAX_HOPS:]):
            hop = _parsed(text.strip())
            if hop is None:
                break  # not an address, so not written by a known proxy; only the hop before it is certain
            client = str(hop)
            if not self._trusts(hop):
                break
        return client

    def _trusts(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address in canonical form, without its port; None for anything else, or with a zone (%eth0).

    Some proxies add the client's port: `203.0.113.9:51234`, `[2001:db8::7]:443`.
    """
    if "%" in text:
        return None
    with_port = _WITH_PORT.fullmatch(text)
    try:
        address = ip_address((with_port[1] or with_port[2]) if with_port else text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
