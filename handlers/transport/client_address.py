"""Who sent a request: the address at the other end, or what a trusted proxy says of its client.

Rule: anybody can write `X-Forwarded-For`. It is read only where the connection
comes from a proxy that is trusted, from the right, and no further than the first
address that is no trusted proxy's; all before it is the client's own claim.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

UNIX = "unix"
"""Stands for whoever is at the other end of the unix socket; its mode says who that can be."""
MOST_HOPS = 10
LONGEST_REMEMBERED = 200
MOST_REMEMBERED = 1000


class Clients:
    """Knows which proxies are trusted."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        """`trusted` are addresses, networks, or "unix"; raises ValueError for anything else."""
        names = list(trusted)
        self._trusts_unix = UNIX in names
        self._networks = [ip_network(name) for name in names if name != UNIX]
        self._remembered: dict[tuple[str, str], str] = {}

    def address(self, context: Any, headers: Mapping[str, str]) -> str:
        """Return the client's address for the log; `context` is that of Tornado's connection."""
        peer: str = UNIX if context.address_family == socket.AF_UNIX else context.remote_ip
        if not (self._networks or self._trusts_unix):
            return peer
        forwarded = headers.get("X-Forwarded-For")
        if not forwarded:
            return peer
        key = (peer, forwarded)
        found = self._remembered.get(key)
        if found is None:
            found = self._read(peer, forwarded)
            if len(forwarded) <= LONGEST_REMEMBERED:
                if len(self._remembered) >= MOST_REMEMBERED:
                    self._remembered.clear()
                self._remembered[key] = found
        return found

    def _read(self, peer: str, forwarded: str) -> str:
        if not (self._trusts_unix if peer == UNIX else self._trusts(_parsed(peer))):
            return peer
        client = peer
        for text in reversed(forwarded.split(",")[-MOST_HOPS:]):
            hop = _parsed(text.strip())
            if hop is None:
                break  # whoever wrote this is no proxy that we know; the one before it is all that is sure
            client = str(hop)
            if not self._trusts(hop):
                break
        return client

    def _trusts(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address in its one form; None for anything else, names of network cards (%eth0) among it."""
    if "%" in text:
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
