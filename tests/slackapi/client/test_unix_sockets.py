"""Slack through unix sockets: TLS is end to end, and hosts without a socket cannot be reached."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from latchkey.slackapi.client.session import open_session
from tests.support.network.certificates import certificate


def through_unix_sockets(folder: Path, use: Callable[[aiohttp.ClientSession], Awaitable[None]], *sockets: str) -> None:
    """Serve `slack.com` at each of these sockets (TLS on port 443) and run `use` with a session that uses them."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.host} {request.path}")

    async def run() -> None:
        app = web.Application()
        app.router.add_route("*", "/{path}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(next(folder.glob("*.pem")))
        for name in sockets:
            secure = tls if name.endswith(":443") else None
            await web.UnixSite(runner, str(folder / name), ssl_context=secure).start()
        try:
            async with open_session(timeout=30, unix_sockets=folder) as session:
                await use(session)
        finally:
            await runner.cleanup()

    asyncio.run(run())


async def get(session: aiohttp.ClientSession, url: str) -> str:
    async with session.get(url) as response:
        return await response.text()


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    _, file = certificate(tmp_path, "slack.com")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return tmp_path


def test_a_call_goes_through_the_socket_of_its_host(trusted: Path) -> None:
    async def use(session: aiohttp.ClientSession) -> None:
        assert await get(session, "https://slack.com/x") == "slack.com /x"
        assert await get(session, "https://slack.com:443/y") == "slack.com /y"

    through_unix_sockets(trusted, use, "slack.com:443")


def test_a_host_without_a_socket_cannot_be_reached(trusted: Path) -> None:
    async def use(session: aiohttp.ClientSession) -> None:
        for url in ("https://example.com/x", "https://slack.com:8443/x", "http://slack.com/x"):
            with pytest.raises(aiohttp.ClientConnectionError):
                await get(session, url)

    through_unix_sockets(trusted, use, "slack.com:443")


def test_a_socket_that_leads_to_another_host_fails_certificate_verification(trusted: Path) -> None:
    async def use(session: aiohttp.ClientSession) -> None:
        with pytest.raises(aiohttp.ClientConnectorSSLError, match="Hostname mismatch"):
            await get(session, "https://hooks.slack.com/x")

    through_unix_sockets(trusted, use, "hooks.slack.com:443")


def test_rejects_a_certificate_of_an_unknown_authority(tmp_path: Path) -> None:
    certificate(tmp_path, "slack.com")

    async def use(session: aiohttp.ClientSession) -> None:
        with pytest.raises(aiohttp.ClientConnectorSSLError, match="self-signed"):
            await get(session, "https://slack.com/x")

    through_unix_sockets(tmp_path, use, "slack.com:443")


def test_reaches_a_simulated_slack_without_tls(trusted: Path) -> None:
    async def use(session: aiohttp.ClientSession) -> None:
        assert await get(session, "http://localhost:8090/x") == "localhost:8090 /x"

    through_unix_sockets(trusted, use, "localhost:8090")


def test_a_host_name_with_a_slash_does_not_leave_the_folder(trusted: Path) -> None:
    async def use(session: aiohttp.ClientSession) -> None:
        for url in ("https://..%2f..%2fslack.com/x", "https://../x"):
            with pytest.raises((aiohttp.ClientError, ValueError)):
                await get(session, url)

    through_unix_sockets(trusted, use, "slack.com:443")
