"""Who may use the simulator's page: only this machine's browser, and no other site's page."""

import asyncio
import json

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from tests.simulator.page.acting import ALICE, JSON, act, get, install
from tests.simulator.simulation import simulation

PATHS = ("/", "/assets/app.js", "/page/state", "/page/messages", "/page/changes", "/page/exchanges/1")


@pytest.mark.gen_test
async def test_refuses_every_page_under_another_host_name() -> None:
    """Else a site whose name resolves to 127.0.0.1 could read the inspector's secrets."""
    async with simulation() as it:
        for path in PATHS:
            assert (await get(it, path, Host="evil.example")).code == 403, path
            assert (await get(it, path, Host="localhost.evil.example:80")).code == 403, path


@pytest.mark.gen_test
async def test_accepts_any_port_of_this_machine() -> None:
    """`ssh -L` may use another port than the simulator."""
    async with simulation() as it:
        for host in ("localhost:9999", "127.0.0.1", "[::1]:8090"):
            assert (await get(it, "/", Host=host)).code == 200, host


@pytest.mark.gen_test
async def test_refuses_actions_from_another_sites_page() -> None:
    async with simulation() as it:
        body = json.dumps({**ALICE, "do": "write", "text": "hello"})
        url = f"{it.slack.url}/page/act"
        foreign = await it.browser.post(url, body, {**JSON, "Origin": "http://evil.example"})
        form = await it.browser.post(url, body, {"Content-Type": "text/plain"})
        assert (foreign.code, form.code) == (403, 415)
        assert not it.slack.world.messages
        assert (await it.browser.post(url, body, {**JSON, "Origin": it.slack.url})).code == 200


@pytest.mark.gen_test
async def test_page_may_load_only_its_own_scripts_and_styles() -> None:
    async with simulation() as it:
        for path in ("/", "/assets/app.js"):
            policy = (await get(it, path)).headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "script-src 'self'" in policy
            assert "unsafe" not in policy
            assert "http" not in policy


@pytest.mark.gen_test
async def test_an_action_that_cannot_be_read_is_refused() -> None:
    async with simulation() as it:
        assert (await act(it, "dance"))["error"] == "no action 'dance'"
        assert (await act(it, "write", team="T0NONE", text="x"))["status"] == 400
        assert (await it.browser.post(f"{it.slack.url}/page/act", "{", JSON)).code == 400


@pytest.mark.gen_test
async def test_changes_resume_after_a_break_and_reset_if_too_many_were_missed() -> None:
    async with simulation() as it:
        await install(it)
        start, changes = it.slack.world.changes.start, it.slack.world.changes
        changes.after(changes.last)  # from now on there are readers
        seen = changes.last
        await act(it, "write", text="first")
        await act(it, "write", text="second")
        resumed = await stream(f"{it.slack.url}/page/changes", {"Last-Event-ID": f"{start}-{seen}"}, "second")
        assert resumed.index("first") < resumed.index("second")
        assert "event: reset" not in resumed
        for last in ("other-1", f"{start}-999999", f"{start}-x", ""):
            found = await stream(f"{it.slack.url}/page/changes", {"Last-Event-ID": last}, "\n\n")
            assert found.startswith(f"id: {start}-{changes.last}\nevent: reset"), last


async def stream(url: str, headers: dict[str, str], until: str) -> str:
    """Read server-sent events until one contains this text."""
    received: list[str] = []
    enough = asyncio.Event()

    def add(chunk: bytes) -> None:
        received.append(chunk.decode())
        if until in "".join(received):
            enough.set()

    client = AsyncHTTPClient(force_instance=True)
    request = HTTPRequest(url, headers=headers, streaming_callback=add, request_timeout=5)
    reading = asyncio.ensure_future(client.fetch(request, raise_error=False))
    await asyncio.wait_for(enough.wait(), 5)
    client.close()
    reading.cancel()
    return "".join(received)
