"""What is said of a request that brought no response."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from latchkey.errors import SlackUnavailable
from latchkey.slackapi.client import WebClients, response_data


def reason(url: str, *, proxy: str = "", timeout: float = 5.0) -> str:
    """Return the reason for which a call to this address fails."""

    async def ask() -> None:
        async with WebClients(api_url=url, proxy_for=lambda _: {"proxy": proxy} if proxy else {}) as web:
            await response_data("auth.test", web.client("xoxb-1").auth_test(), timeout)

    with pytest.raises(SlackUnavailable) as caught:
        asyncio.run(ask())
    return caught.value.reason


@contextmanager
def server(response: bytes | None) -> Iterator[int]:
    """A server that sends this and closes the connection, or never answers (None); yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1 << 16)
                if response is None:
                    connection.recv(1)  # until the client gives up
                else:
                    connection.sendall(response)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(5)


@pytest.mark.parametrize(
    ("response", "expected"),
    [(b"", "the connection broke"), (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{", "the connection broke"), (None, "timed out")],
    ids=["closed", "closed within the body", "silent"],
)  # fmt: skip
def test_names_what_happened_to_the_connection(response: bytes | None, expected: str) -> None:
    with server(response) as port:
        assert reason(f"http://127.0.0.1:{port}/api/", timeout=0.3 if response is None else 5.0) == expected


def test_names_a_port_on_which_nothing_listens(unused_addresses: dict[str, str]) -> None:
    address = unused_addresses["LATCHKEY_SERVER_LISTEN"]
    assert reason(f"http://{address}/api/") == "connection refused"
    through = reason("http://slack.example.com/api/", proxy=f"http://{address}")
    assert through == "the outgoing proxy cannot be reached: connection refused"


def test_names_a_host_that_cannot_be_resolved() -> None:
    assert reason("http://no-such-host.invalid/api/") == "the host cannot be resolved"


def test_names_a_proxy_that_refuses() -> None:
    with server(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n") as port:
        through = reason("https://slack.example.com/api/", proxy=f"http://127.0.0.1:{port}")
    assert through == "the outgoing proxy responds with 407"
