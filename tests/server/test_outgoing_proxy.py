"""Every call to Slack goes through the proxy that the environment names: the server's, and those of the commands."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from slack_sdk.oauth.installation_store import Installation

from latchkey.simulator import AppResponse
from latchkey.storage import open_store
from tests.support.command_line import CREDENTIALS, run
from tests.support.network.certificates import certificate
from tests.support.network.connect_proxy import ConnectProxy, connect_proxy, tls_front
from tests.support.running import Running, running
from tests.support.waiting import until

HOSTS = ("slack.com", "hooks.slack.com", "files.slack.com")
PROXY_CREDENTIALS = "clerk:sentinel-password"
LISTENERS = """
def register(app):
    @app.command("/async")
    async def run(ack, say, respond, client):
        await ack()
        await say("said")
        await respond("responded")
        await client._upload_file(url="https://files.slack.com/upload", data=b"content")

    @app.command("/sync")
    def run_blocking(ack, say, respond, client):
        ack()
        say("said")
        respond("responded")
        client._upload_file(url="https://files.slack.com/upload", data=b"content")
"""


class Uploads:
    """A server in place of files.slack.com."""

    def __init__(self) -> None:
        self.received = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"content")
        self.received += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nOK")
        await writer.drain()
        writer.close()


class Office:
    """A server, the simulated Slack under its real names, and the only proxy that leads there."""

    def __init__(self, it: Running, proxy: ConnectProxy, uploads: Uploads, environment: dict[str, str]) -> None:
        self.server = it.server
        self.slack = it.slack
        self.install = it.install
        self.proxy = proxy
        self.uploads = uploads
        self._environment = environment

    async def command(self, name: str) -> AppResponse:
        path = self.slack.world.issue_response_path(self.slack.workspace(), "C0GENERAL", "U0ALICE")
        fields = {"response_url": "https://hooks.slack.com" + path}
        return await self.slack.sender.command(self.slack.workspace(), name, fields=fields)

    async def run(self, *arguments: str) -> tuple[int, str]:
        """Run a command of the operator's; return its exit code and output."""
        environment = {**self.server.credentials, **self._environment}
        done = await asyncio.to_thread(run, self.server.folder, *arguments, **environment)
        return done.returncode, done.stdout + done.stderr


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[Office]:
    (folder / "our_app.py").write_text(LISTENERS)
    context, file = certificate(folder, *HOSTS)
    uploads = Uploads()
    upload_server = await asyncio.start_server(uploads.serve, "127.0.0.1", 0, ssl=context)
    routes = {"files.slack.com:443": upload_server.sockets[0].getsockname()[1]}
    async with upload_server, connect_proxy(routes, PROXY_CREDENTIALS) as proxy:
        environment = {
            "HTTPS_PROXY": proxy.url,
            "SSL_CERT_FILE": str(file),
            "LATCHKEY_SLACK_API_URL": "https://slack.com/api/",
            "LATCHKEY_LISTENERS_MODULES": "our_app",
        }
        async with running(folder, environment=environment) as it, tls_front(context, it.slack.port) as front:
            routes.update({"slack.com:443": front, "hooks.slack.com:443": front})
            yield Office(it, proxy, uploads, environment)


@pytest.mark.gen_test(timeout=60)
async def test_every_call_goes_through_the_proxy(tmp_path: Path) -> None:
    async with office(tmp_path) as it:
        assert await it.install() == 200, it.server.log.read_text()
        assert it.proxy.asked_for == ["slack.com:443"]
        assert (await it.command("/async")).status == 200
        await until(lambda: it.uploads.received == 1)
        assert (await it.command("/sync")).status == 200
        await until(lambda: it.uploads.received == 2)
        shown = [message.text for message in it.slack.world.messages]
        assert shown == ["said", "responded"] * 2
        assert set(it.proxy.asked_for) == {f"{host}:443" for host in HOSTS}

        code, output = await it.run("installs", "check")
        assert (code, "1 of 1 token valid" in output) == (0, True), output
        code, output = await it.run("doctor", "--json")
        codes = {item["code"] for item in json.loads(output)["findings"]}
        assert not codes & {"slack-unreachable", "dns-failed", "credentials-refused", "tokens-revoked"}, output
        code, output = await it.run("installs", "remove", "T0ACME", "--yes")
        assert code == 0, output
        assert "sentinel-password" not in it.server.log.read_text()


@pytest.mark.gen_test(timeout=60)
async def test_a_proxy_that_refuses_is_named_without_its_password(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring")) as store:
        store.installations.save(Installation(team_id="T0ACME", user_id="U1", bot_token="xoxb-sentinel"))
    async with connect_proxy({}, PROXY_CREDENTIALS) as proxy:
        environment = {**CREDENTIALS, "HTTPS_PROXY": proxy.url.replace("sentinel-password", "sentinel-wrong")}
        checked = await asyncio.to_thread(run, tmp_path, "installs", "check", **environment)
        examined = await asyncio.to_thread(run, tmp_path, "doctor", "--json", **environment)
    assert (checked.returncode, "the outgoing proxy responds with 407" in checked.stderr + checked.stdout) == (1, True)
    messages = {item["code"]: item["message"] for item in json.loads(examined.stdout)["findings"]}
    expected = (
        f"https://slack.com/api/ through the proxy http://127.0.0.1:{proxy.port}: the outgoing proxy responds with 407"
    )
    assert messages["slack-unreachable"] == expected
    assert "sentinel" not in checked.stdout + checked.stderr + examined.stdout + examined.stderr


def test_a_command_names_the_variable_of_an_unusable_proxy(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring")) as store:
        store.installations.save(Installation(team_id="T0ACME", user_id="U1", bot_token="xoxb-sentinel"))
    checked = run(tmp_path, "installs", "check", **CREDENTIALS, HTTPS_PROXY="socks5://sentinel:1080")
    assert checked.returncode == 78
    assert "HTTPS_PROXY: expected http://HOST:PORT" in checked.stderr
    assert "sentinel" not in checked.stderr
