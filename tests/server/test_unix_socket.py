"""A server on a unix socket: it serves, removes its socket, and keeps other programs' files."""

import asyncio
import re
import stat
from pathlib import Path

import pytest

from tests.server.test_server import serve
from tests.support.running import Running, running

URL = "http://localhost:8080"


def environment(folder: Path, **more: str) -> dict[str, str]:
    listen = f"unix:{folder / 'latchkey.sock'}"
    return {"LATCHKEY_SERVER_LISTEN": listen, "LATCHKEY_SERVER_PUBLIC_URL": URL, **more}


async def get(it: Running, path: str, **headers: str) -> bytes:
    reader, writer = await asyncio.open_unix_connection(it.server.folder / "latchkey.sock")
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer


@pytest.mark.gen_test(timeout=30)
async def test_serves_on_a_unix_socket_and_removes_it_on_exit(tmp_path: Path) -> None:
    async with running(tmp_path, environment=environment(tmp_path)) as it:
        path = tmp_path / "latchkey.sock"
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert (await get(it, "/readyz")).endswith(b"ready\n")
        assert f"listening on unix:{path}\n" in it.server.log.read_text()
        assert await it.server.stop() == 0
        assert not path.exists()


@pytest.mark.gen_test(timeout=30)
async def test_socket_has_the_configured_mode(tmp_path: Path) -> None:
    async with running(tmp_path, environment=environment(tmp_path, LATCHKEY_SERVER_SOCKET_MODE="0600")):
        assert stat.S_IMODE((tmp_path / "latchkey.sock").stat().st_mode) == 0o600


@pytest.mark.gen_test(timeout=30)
async def test_killed_server_restarts_on_the_same_socket(tmp_path: Path) -> None:
    async with running(tmp_path, environment=environment(tmp_path)) as it:
        it.server.kill()
        assert (tmp_path / "latchkey.sock").is_socket()
        await it.server.start(it.slack)
        assert (await get(it, "/healthz")).endswith(b"ok\n")


@pytest.mark.gen_test(timeout=30)
async def test_second_server_on_the_same_socket_fails_and_the_first_still_serves(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    async with running(tmp_path, environment=environment(tmp_path)) as it:
        done = await asyncio.to_thread(serve, other, **environment(tmp_path, LATCHKEY_METRICS_LISTEN=""))
        assert done.returncode == 1
        path = tmp_path / "latchkey.sock"
        assert f"latchkey: cannot listen on unix:{path}: Address already in use\nhint: " in done.stderr
        assert (await get(it, "/healthz")).endswith(b"ok\n")


@pytest.mark.gen_test(timeout=30)
async def test_trusts_a_forwarded_address_only_if_the_socket_is_trusted(tmp_path: Path) -> None:
    for trusted, shown in (("", "unix"), ("unix", "203.0.113.5")):
        more = {"LATCHKEY_SERVER_TRUSTED_PROXIES": trusted}
        async with running(tmp_path, environment=environment(tmp_path, **more)) as it:
            for path in ("/healthz", "/slack/events"):
                await get(it, path, X_Forwarded_For="203.0.113.5")
            await it.server.stop()
            lines = [line for line in it.server.log.read_text().splitlines() if "latchkey.access" in line]
            assert [re.findall(r"client=(\S+)$", line) for line in lines[-2:]] == [[shown]] * 2


def test_existing_file_at_the_sockets_path_is_kept(tmp_path: Path) -> None:
    (tmp_path / "latchkey.sock").write_text("precious")
    done = serve(tmp_path, **environment(tmp_path, LATCHKEY_METRICS_LISTEN=""))
    assert done.returncode == 1
    assert "it exists and is not a socket\nhint: choose another path" in done.stderr
    assert (tmp_path / "latchkey.sock").read_text() == "precious"


def test_unix_socket_without_public_url_exits_78_with_a_hint(tmp_path: Path) -> None:
    done = serve(tmp_path, **environment(tmp_path, LATCHKEY_METRICS_LISTEN="", LATCHKEY_SERVER_PUBLIC_URL=""))
    assert done.returncode == 78
    assert "latchkey: [server] public_url: must be set, because [server] listen is a unix socket\nhint: " in done.stderr
    assert not (tmp_path / "latchkey.sock").exists()
