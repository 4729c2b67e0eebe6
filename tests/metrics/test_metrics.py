"""The metrics of a running server, its metrics listener, and their documentation."""

import asyncio
import re
import socket
import time
from pathlib import Path

import pytest
from tornado.httpclient import HTTPResponse

from tests.server.test_server import serve
from tests.support.running import Running, running
from tests.support.waiting import WAIT_SECONDS, until

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = ROOT / "docs" / "metrics.md"

LISTENERS = """\
def register(app):
    @app.event("app_mention")
    async def mention(event, say):
        await say("hello")

    @app.event("reaction_added")
    async def fails(event):
        raise ValueError

    @app.command("/ask")
    async def ask(ack, client):
        await ack("yes")
        await client.chat_postMessage(channel="", text="x")
"""


async def traffic(it: Running) -> None:
    """Cause at least one of everything that is counted."""
    people, workspace = it.slack.people, it.slack.workspace()
    await people.mention(workspace, "hello")
    await people.command(workspace, "/ask")
    await it.browser.post(f"{it.server.url}/slack/events", "{}", {"X-Slack-Signature": "v0=0"})
    await it.status("/healthz")
    await it.status("/readyz")
    await it.status("/wp-login.php")
    await it.status("/slack/oauth/callback?error=access_denied")


async def scraped(it: Running) -> dict[str, float]:
    """Scrape the server as Prometheus does; return each value by name and labels."""
    response = await it.browser.get(it.server.metrics_url)
    assert response.code == 200
    lines = [line for line in response.body.decode().splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


async def scraped_once_it_has(it: Running, expected: dict[str, float]) -> dict[str, float]:
    """Scrape until these values are there, or after a long wait return what is there."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not expected.items() <= (found := await scraped(it)).items() and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    return found


def with_listeners(folder: Path) -> dict[str, str]:
    (folder / "counted_app.py").write_text(LISTENERS)
    return {"LATCHKEY_LISTENERS_MODULES": "counted_app"}


@pytest.mark.gen_test(timeout=30)
async def test_counts_requests_events_installs_and_calls(tmp_path: Path) -> None:
    expected = {
        'latchkey_requests_total{endpoint="events",status="200"}': 2,
        'latchkey_requests_total{endpoint="events",status="403"}': 1,
        'latchkey_requests_total{endpoint="install",status="200"}': 1,
        'latchkey_requests_total{endpoint="callback",status="303"}': 1,
        'latchkey_requests_total{endpoint="callback",status="200"}': 1,
        'latchkey_requests_total{endpoint="installed",status="200"}': 1,
        'latchkey_requests_total{endpoint="readyz",status="200"}': 1,
        'latchkey_requests_total{endpoint="other",status="404"}': 1,
        'latchkey_signature_failures_total{reason="missing"}': 1,
        "latchkey_events_received_total": 1,
        "latchkey_events_finished_total": 1,
        "latchkey_event_ack_seconds_count": 1,
        'latchkey_interaction_ack_seconds_count{kind="command"}': 1,
        'latchkey_installs_total{outcome="installed"}': 1,
        'latchkey_installs_total{outcome="access_denied"}': 1,
        'latchkey_listener_seconds_count{listener="counted_app.register.<locals>.mention"}': 1,
        'latchkey_listener_failures_total{listener="counted_app.register.<locals>.ask"}': 1,
        'latchkey_slack_api_calls_total{method="oauth.v2.access",outcome="ok"}': 1,
        'latchkey_slack_api_calls_total{method="chat.postMessage",outcome="ok"}': 1,
        'latchkey_slack_api_calls_total{method="chat.postMessage",outcome="channel_not_found"}': 1,
        'latchkey_store_seconds_count{call="commit_events"}': 2,
        'latchkey_store_seconds_count{call="save_installation"}': 1,
        'latchkey_store_seconds_count{call="ready"}': 1,
        "latchkey_inbox_events": 0,
        "latchkey_listeners_running": 0,
    }
    async with running(tmp_path, environment=with_listeners(tmp_path)) as it:
        assert await it.install() == 200
        await traffic(it)
        found = await scraped_once_it_has(it, expected)
    assert {name: found.get(name) for name in expected} == expected
    assert found["process_resident_memory_bytes"] > 10 << 20
    assert found["process_open_fds"] > 5


@pytest.mark.gen_test(timeout=30)
async def test_counts_uninstalls_by_event(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        assert await it.install() == 200
        await it.slack.people.uninstall(it.slack.workspace())
        found = await scraped(it)
    for event in ("app_uninstalled", "tokens_revoked"):
        assert found[f'latchkey_uninstalls_total{{event="{event}"}}'] == 1


@pytest.mark.gen_test(timeout=30)
async def test_metrics_and_app_are_served_only_by_their_own_listener(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        assert it.server.metrics_url.startswith("http://127.0.0.1:")
        assert await it.status("/metrics") == 404
        base = it.server.metrics_url.removesuffix("/metrics")
        for path in ("/", "/slack/install", "/slack/events", "/healthz", "/metrics/x"):
            assert (await it.browser.get(base + path)).code == 404
        refused: HTTPResponse = await it.browser.post(it.server.metrics_url, "")
        assert refused.code == 405
        assert "Server" not in refused.headers


@pytest.mark.gen_test(timeout=30)
async def test_unknown_paths_create_no_new_series(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        await it.status("/")
        before = await scraped(it)
        for number in range(20):
            await it.status(f"/{number}?a={number}")
            await it.browser.get(f"{it.server.url}/slack/install/{number}")
        after = await scraped(it)
    # The server's background work may call the store for the first time meanwhile.
    new = {name for name in set(after) - set(before) if not name.startswith("latchkey_store_")}
    assert new <= {'latchkey_requests_total{endpoint="other",status="404"}'}


@pytest.mark.gen_test(timeout=30)
async def test_no_metric_contains_a_workspace_user_or_token(tmp_path: Path) -> None:
    async with running(tmp_path, environment=with_listeners(tmp_path)) as it:
        assert await it.install() == 200
        await traffic(it)
        page = (await it.browser.get(it.server.metrics_url)).body.decode()
    assert not re.search(r"T0ACME|U0[A-Z]|C0[A-Z]|xox|hello\b(?!_)", page)


@pytest.mark.gen_test(timeout=30)
async def test_document_lists_exactly_the_exported_metrics(tmp_path: Path) -> None:
    async with running(tmp_path, environment=with_listeners(tmp_path)) as it:
        assert await it.install() == 200
        await traffic(it)
        page = (await it.browser.get(it.server.metrics_url)).body.decode()
    shown = set(re.findall(r"^# TYPE (\S+) ", page, re.MULTILINE))
    explained = set(re.findall(r"^\| `(latchkey_\w+|process_\w+|python_\w+)`", DOCUMENT.read_text(), re.MULTILINE))
    assert explained == shown


@pytest.mark.gen_test(timeout=30)
async def test_empty_listen_address_turns_metrics_off(tmp_path: Path) -> None:
    async with running(tmp_path, environment={"LATCHKEY_METRICS_LISTEN": ""}) as it:
        assert it.server.metrics_url == ""
        assert await it.status("/healthz") == 200


def test_busy_port_prints_one_error_and_a_hint(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = serve(tmp_path, "--listen", "127.0.0.1:0", LATCHKEY_METRICS_LISTEN=address)
    assert done.returncode == 1
    assert f"latchkey: cannot listen on {address}: Address already in use" in done.stderr
    hint = (
        "hint: stop the program that listens there, or choose another address with [metrics] listen,"
        ' or turn the metrics off with listen = ""\n'
    )
    assert hint in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.gen_test(timeout=30)
async def test_serves_metrics_until_shutdown_ends(tmp_path: Path) -> None:
    (tmp_path / "slow_app.py").write_text(
        "import asyncio\nfrom pathlib import Path\ndef register(app):\n    @app.event('app_mention')\n"
        "    async def slow():\n        while not Path('finish').exists():\n            await asyncio.sleep(0.01)\n"
    )
    async with running(tmp_path, environment={"LATCHKEY_LISTENERS_MODULES": "slow_app"}) as it:
        assert await it.install() == 200
        await it.slack.people.mention(it.slack.workspace(), "x")
        stopping = asyncio.ensure_future(it.server.stop())
        await until(lambda: "stopping: " in it.server.log.read_text())
        assert (await scraped(it))["latchkey_listeners_running"] == 1
        (tmp_path / "finish").touch()
        assert await stopping == 0
