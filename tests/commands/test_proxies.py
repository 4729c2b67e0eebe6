"""The printed configurations in the real Caddy and nginx, in front of a running server."""

import asyncio
import hashlib
import hmac
import json
import os
import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from latchkey.slackapi.requests import MAX_BODY_BYTES
from tests.support.command_line import run
from tests.support.network.certificates import certificate
from tests.support.programs import program, reserved_port
from tests.support.running import Running, running

BOTH = [pytest.param(name, marks=pytest.mark.programs(name)) for name in ("caddy", "nginx")]
LISTENS = ["port", "unix"]


@asynccontextmanager
async def proxied(
    folder: Path, proxy: str, listen: str = "port", *arguments: str, scheme: str = "http"
) -> AsyncIterator[Running]:
    """Run a server behind this proxy; requests to the server's URL go through it."""
    with reserved_port() as front, reserved_port() as behind:
        direct = f"unix:{folder / 'latchkey.sock'}" if listen == "unix" else f"127.0.0.1:{behind}"
        environment = {
            "LATCHKEY_SERVER_LISTEN": direct,
            "LATCHKEY_SERVER_PUBLIC_URL": f"{scheme}://localhost:{front}",
            "LATCHKEY_SERVER_TRUSTED_PROXIES": "unix" if listen == "unix" else "127.0.0.1",
        }
        async with running(folder, environment=environment) as it:
            printed = run(folder, "proxy-config", proxy, *arguments, **environment)
            assert (printed.returncode, printed.stderr) == (0, "")
            with program(folder, *command(folder, proxy, printed.stdout), port=front):
                it.server.port = front
                it.slack.configure(
                    redirect_uris=[f"{it.server.url}/slack/oauth/callback"], events_url=f"{it.server.url}/slack/events"
                )
                yield it


def command(folder: Path, proxy: str, printed: str) -> list[str]:
    """Return the command that runs the proxy with the printed configuration, and keeps its files in this folder."""
    if proxy == "caddy":
        (folder / "Caddyfile").write_text("{\n\tadmin off\n\tskip_install_trust\n}\n" + printed)
        return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    (folder / "latchkey.conf").write_text(printed.replace("/var/log/nginx/latchkey.log", str(folder / "front.log")))
    temporary = "".join(
        f"{kind}_temp_path {folder / kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # The workers run as the same user as the test, so that they can write here.
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"daemon off;\n{user}pid {folder / 'nginx.pid'};\nerror_log {folder / 'error.log'};\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}include {folder / 'latchkey.conf'};\n}}\n"
    )
    return ["nginx", "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]


async def raw(port: int, request: bytes, source: str = "127.0.0.1") -> bytes:
    """Send these bytes from this local address and return the whole response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def get(path: str, **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n".encode()


@pytest.mark.parametrize("listen", LISTENS)
@pytest.mark.parametrize("proxy", BOTH)
@pytest.mark.gen_test(timeout=60)
async def test_passes_installs_events_and_commands(tmp_path: Path, proxy: str, listen: str) -> None:
    async with proxied(tmp_path, proxy, listen) as it:
        assert await it.install() == 200
        people, workspace = it.slack.people, it.slack.workspace()
        assert (await people.mention(workspace, "hello")).status == 200
        answer = await people.command(workspace, "/open-modal")
        assert (answer.status, answer.body) == (200, "")
        assert it.slack.world.views
        for _ in range(100):
            if it.slack.world.messages and "Hello" in it.slack.world.messages[-1].text:
                break
            await asyncio.sleep(0.05)
        assert any("Hello" in message.text for message in it.slack.world.messages)


@pytest.mark.parametrize("proxy", BOTH)
@pytest.mark.gen_test(timeout=60)
async def test_passes_the_body_unchanged(tmp_path: Path, proxy: str) -> None:
    """The signature covers the bytes, so any change would cause a 403."""
    async with proxied(tmp_path, proxy) as it:
        assert await it.install() == 200
        large = "ä\u2028&=+% " * 300_000
        odd = [b'{ "type" :"event_callback",\r\n\t"event":{"type":"x","a":"\\u0000%2B+&=\xc3\xa9"} }  \r\n', json.dumps({"type": "event_callback", "event": {"type": "x", "text": large}}, ensure_ascii=False).encode()]  # fmt: skip
        for body in odd:
            assert len(body) < MAX_BODY_BYTES
            assert await signed(it, body) == 200
        assert await signed(it, odd[0], sent=odd[0].strip()) == 403


async def signed(it: Running, body: bytes, sent: bytes | None = None) -> int:
    """Sign a body as Slack does and send it, or send another one with that signature."""
    stamp = str(int(time.time()))
    secret = it.server.credentials["SLACK_SIGNING_SECRET"].encode()
    signature = "v0=" + hmac.new(secret, b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    head = f"POST /slack/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nX-Slack-Request-Timestamp: {stamp}\r\nX-Slack-Signature: {signature}\r\n"  # fmt: skip
    body = body if sent is None else sent
    answer = await raw(it.server.port, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return int(answer.split()[1])


@pytest.mark.parametrize("listen", LISTENS)
@pytest.mark.parametrize("proxy", BOTH)
@pytest.mark.gen_test(timeout=60)
async def test_passes_only_slack_paths_and_the_start_page(tmp_path: Path, proxy: str, listen: str) -> None:
    paths = ["/healthz", "/readyz", "/metrics", "/slack", "/slackx/events", "/x/slack/events", "/slack/../readyz", "/slack/%2e%2e/readyz", "/slack//../readyz", "/slack/..%2freadyz", "//readyz"]  # fmt: skip
    async with proxied(tmp_path, proxy, listen) as it:
        for path in paths:
            answer = await raw(it.server.port, get(path))
            assert re.match(rb"HTTP/1.1 (404|400|308|301)", answer), (path, answer[:200])
            assert not answer.endswith((b"ready\n", b"ok\n")), path
        for path in ("/", "/slack/install", "/slack/icon.svg"):
            assert b"200 OK" in await raw(it.server.port, get(path))


@pytest.mark.parametrize("proxy", BOTH)
@pytest.mark.gen_test(timeout=60)
async def test_refuses_a_body_that_is_too_large_and_goes_on(tmp_path: Path, proxy: str) -> None:
    async with proxied(tmp_path, proxy) as it:
        size = MAX_BODY_BYTES + 1
        head = b"POST /slack/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        answer = await raw(it.server.port, head + b"Content-Length: %d\r\n\r\n" % size + b"a" * size)
        # Caddy may still be sending when the server refuses, and then answers 502.
        assert answer == b"" or re.match(rb"HTTP/1.1 (413|502)", answer), answer[:100]
        chunks = (
            b"".join(b"100000\r\n" + b"a" * 0x100000 + b"\r\n" for _ in range(MAX_BODY_BYTES // 0x100000 + 1))
            + b"0\r\n\r\n"
        )
        answer = await raw(it.server.port, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
        assert answer == b"" or re.match(rb"HTTP/1.1 (403|413|400|502)", answer), answer[:100]
        answer = await raw(it.server.port, get("/slack/install", X="a" * (70 << 10)))
        assert answer == b"" or re.match(rb"HTTP/1.1 (4|502)", answer), answer[:100]
        assert await it.install() == 200


@pytest.mark.parametrize("listen", LISTENS)
@pytest.mark.parametrize("proxy", BOTH)
@pytest.mark.gen_test(timeout=60)
async def test_logs_the_clients_real_address(tmp_path: Path, proxy: str, listen: str) -> None:
    async with proxied(tmp_path, proxy, listen) as it:
        await raw(it.server.port, get("/slack/install", X_Forwarded_For="203.0.113.9"), source="127.0.0.2")
        await raw(it.server.port, get("/slack/events", X_Forwarded_For="203.0.113.9"), source="127.0.0.2")
        await it.server.stop()
        lines = [line for line in it.server.log.read_text().splitlines() if "latchkey.access" in line]
        assert [re.search(r"client=(\S+)$", line)[1] for line in lines] == ["127.0.0.2"] * 2  # type: ignore[index]
        assert "203.0.113" not in it.server.log.read_text()


@pytest.mark.parametrize("proxy", BOTH)
@pytest.mark.gen_test(timeout=60)
async def test_sends_the_headers_of_an_https_site_over_tls(tmp_path: Path, proxy: str) -> None:
    _, file = certificate(tmp_path, "localhost")
    arguments = ("--certificate", str(file), "--key", str(file))
    async with proxied(tmp_path, proxy, "port", *arguments, scheme="https") as it:
        trusting = ssl.create_default_context(cafile=str(file))
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", it.server.port, ssl=trusting, server_hostname="localhost"
        )
        writer.write(get("/slack/install"))
        page = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        assert page.startswith(b"HTTP/1.1 200")
        head = page.partition(b"\r\n\r\n")[0].lower()
        assert b"strict-transport-security: max-age=" in head
        assert b"set-cookie: __host-" in head


@pytest.mark.parametrize("proxy", BOTH)
@pytest.mark.gen_test(timeout=60)
async def test_proxy_logs_contain_no_codes_or_states(tmp_path: Path, proxy: str) -> None:
    async with proxied(tmp_path, proxy) as it:
        await raw(it.server.port, get("/slack/oauth/callback?code=sentinel-code&state=sentinel-state"))
        await raw(it.server.port, get("/nothing?code=sentinel-code"))
    logs = [path for path in tmp_path.rglob("*.log") if path.name != "server.log"]
    assert logs
    assert not any("sentinel" in path.read_text(errors="replace") for path in logs)


@pytest.mark.programs("caddy")
@pytest.mark.gen_test(timeout=60)
async def test_requests_wait_behind_caddy_while_the_server_restarts(tmp_path: Path) -> None:
    async with proxied(tmp_path, "caddy") as it:
        front = it.server.port
        await it.server.stop()
        asked = asyncio.ensure_future(raw(front, get("/slack/install")))
        await asyncio.sleep(0.2)
        await it.server.start(it.slack)
        assert (await asked).startswith(b"HTTP/1.1 200")
