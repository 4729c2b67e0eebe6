"""Whose address the log shows: what a trusted proxy says, and nothing that anybody else claims."""

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
        # What the client wrote stands to the left of what the proxy added.
        ([PROXY], PROXY, f"10.9.9.9, {CLIENT}", CLIENT),
        ([PROXY, "10.0.0.0/8"], PROXY, f"1.1.1.1, {CLIENT}, 10.0.0.3", CLIENT),
        ([PROXY, "10.0.0.0/8"], PROXY, "10.0.0.4, 10.0.0.3", "10.0.0.4"),
        # Nothing is believed beyond what is no address.
        ([PROXY], PROXY, f"{CLIENT}, unknown", PROXY),
        ([PROXY, "10.0.0.0/8"], PROXY, f"{CLIENT}, <script>, 10.0.0.3", "10.0.0.3"),
        ([PROXY], PROXY, "fe80::1%eth0 client=1.2.3.4", PROXY),
        ([PROXY], PROXY, "127.0.0.1.", PROXY),
        ([PROXY], PROXY, "203.0.113.5:4711", PROXY),
        ([PROXY], PROXY, "2001:DB8:0:0::1", "2001:db8::1"),
        (["::1"], "::1", CLIENT, CLIENT),
        ([PROXY], "::ffff:127.0.0.1", f"::ffff:{CLIENT}", CLIENT),
        (["unix"], PROXY, CLIENT, PROXY),
    ],
)
def test_the_address_is_the_proxys_word_or_the_connections_own(
    trusted: list[str], peer: str, forwarded: str | None, shown: str
) -> None:
    assert address(trusted, peer, forwarded) == shown


def test_whoever_connects_to_the_unix_socket_is_believed_only_where_that_is_configured() -> None:
    assert address([], "0.0.0.0", CLIENT, socket.AF_UNIX) == "unix"
    assert address([PROXY], "0.0.0.0", CLIENT, socket.AF_UNIX) == "unix"
    assert address(["unix"], "0.0.0.0", CLIENT, socket.AF_UNIX) == CLIENT


def test_a_header_without_end_is_read_from_the_right_and_no_further_than_ten_hops() -> None:
    hops = [f"10.0.0.{number}" for number in range(200)]
    assert address([PROXY, "10.0.0.0/8"], PROXY, ", ".join(hops)) == "10.0.0.190"


def test_what_is_cached_has_an_end() -> None:
    clients = ClientAddresses([PROXY])
    context = SimpleNamespace(address_family=socket.AF_INET, remote_ip=PROXY)
    for number in range(3 * MAX_CACHED):
        text = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        assert clients.address(context, {"X-Forwarded-For": text}) == text
        assert clients.address(context, {"X-Forwarded-For": text}) == text
    assert len(clients._cached) <= MAX_CACHED
