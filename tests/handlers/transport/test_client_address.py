"""The client address in the log comes from the connection, or from a trusted proxy's header."""

import socket
from types import SimpleNamespace

import pytest

from latchkey.handlers.transport.client_address import MAX_CACHED, ClientAddresses


def address(trusted: list[str], peer: str, forwarded: str | None, family: int = socket.AF_INET) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return ClientAddresses(trusted).address(SimpleNamespace(address_family=family, remote_ip=peer), headers)


PROXY, CLIENT = "127.0.0.1", "203.0.113.5"


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "shown"),
    [
        ([], PROXY, CLIENT, PROXY),
        ([PROXY], PROXY, CLIENT, CLIENT),
        ([PROXY], PROXY, None, PROXY),
        ([PROXY], PROXY, "", PROXY),
        ([PROXY], "198.51.100.7", CLIENT, "198.51.100.7"),
        ([PROXY], "127.0.0.2", CLIENT, "127.0.0.2"),
        (["127.0.0.0/8"], "127.0.0.2", CLIENT, CLIENT),
        # The proxy appends to the right of what the client sent.
        ([PROXY], PROXY, f"10.9.9.9, {CLIENT}", CLIENT),
        ([PROXY, "10.0.0.0/8"], PROXY, f"1.1.1.1, {CLIENT}, 10.0.0.3", CLIENT),
        ([PROXY, "10.0.0.0/8"], PROXY, "10.0.0.4, 10.0.0.3", "10.0.0.4"),
        # Hops to the left of an invalid address are not trusted.
        ([PROXY], PROXY, f"{CLIENT}, unknown", PROXY),
        ([PROXY, "10.0.0.0/8"], PROXY, f"{CLIENT}, <script>, 10.0.0.3", "10.0.0.3"),
        ([PROXY], PROXY, "fe80::1%eth0 client=1.2.3.4", PROXY),
        ([PROXY], PROXY, "127.0.0.1.", PROXY),
        # Azure and others add the client's port.
        ([PROXY], PROXY, "203.0.113.9:51234", "203.0.113.9"),
        ([PROXY], PROXY, "[2001:db8::7]:443", "2001:db8::7"),
        ([PROXY], PROXY, "[2001:DB8::7]", "2001:db8::7"),
        ([PROXY], PROXY, "[::ffff:203.0.113.9]:80", "203.0.113.9"),
        ([PROXY, "10.0.0.0/8"], PROXY, f"1.1.1.1, {CLIENT}:1, 10.0.0.3:65535", CLIENT),
        ([PROXY], PROXY, "2001:db8::7:443", "2001:db8::7:443"),  # no brackets, so it is part of the address
        ([PROXY], PROXY, "203.0.113.9:", PROXY),
        ([PROXY], PROXY, "203.0.113.9:x", PROXY),
        ([PROXY], PROXY, "203.0.113.9:123456", PROXY),
        ([PROXY], PROXY, "203.0.113.9:1:2", PROXY),
        ([PROXY], PROXY, "[203.0.113.9]x", PROXY),
        ([PROXY], PROXY, "2001:db8::7]:443", PROXY),
        ([PROXY], PROXY, "[2001:db8::7%eth0]:443", PROXY),
        ([PROXY], PROXY, "2001:DB8:0:0::1", "2001:db8::1"),
        (["::1"], "::1", CLIENT, CLIENT),
        ([PROXY], "::ffff:127.0.0.1", f"::ffff:{CLIENT}", CLIENT),
        (["unix"], PROXY, CLIENT, PROXY),
    ],
)
def test_address_comes_from_a_trusted_proxy_or_the_connection(
    trusted: list[str], peer: str, forwarded: str | None, shown: str
) -> None:
    assert address(trusted, peer, forwarded) == shown


def test_trusts_unix_socket_peers_only_if_configured() -> None:
    assert address([], "0.0.0.0", CLIENT, socket.AF_UNIX) == "unix"
    assert address([PROXY], "0.0.0.0", CLIENT, socket.AF_UNIX) == "unix"
    assert address(["unix"], "0.0.0.0", CLIENT, socket.AF_UNIX) == CLIENT


def test_reads_at_most_ten_hops_from_the_right() -> None:
    hops = [f"10.0.0.{number}" for number in range(200)]
    assert address([PROXY, "10.0.0.0/8"], PROXY, ", ".join(hops)) == "10.0.0.190"


def test_cache_size_is_limited() -> None:
    clients = ClientAddresses([PROXY])
    context = SimpleNamespace(address_family=socket.AF_INET, remote_ip=PROXY)
    for number in range(3 * MAX_CACHED):
        text = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        assert clients.address(context, {"X-Forwarded-For": text}) == text
        assert clients.address(context, {"X-Forwarded-For": text}) == text
    assert len(clients._cached) <= MAX_CACHED
