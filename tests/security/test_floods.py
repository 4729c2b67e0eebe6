"""Strangers who send as much as they can: memory stays bounded, and Slack's requests are answered."""

import asyncio
import time
from pathlib import Path

import pytest

from latchkey.slackapi.requests import MAX_BODY_BYTES
from tests.support.counts import resident_megabytes
from tests.support.network.raw_http import connect, head
from tests.support.running import Running, running

MAX_GROWTH_MEGABYTES = 50
HEADERS = {
    "unsigned": ["POST /slack/events HTTP/1.1"],
    "badly signed": [
        "POST /slack/events HTTP/1.1",
        "X-Slack-Request-Timestamp: {now}",
        "X-Slack-Signature: v0=" + "0" * 64,
    ],
    "to a page": ["POST /slack/install HTTP/1.1"],
}


async def send_body(it: Running, request: bytes) -> None:
    """Send nearly all of the largest body, if the server takes it."""
    _, writer = await connect(it.server.url)
    try:
        writer.write(request)
        for _ in range(15):
            writer.write(b"x" * (MAX_BODY_BYTES // 16))
            await writer.drain()
        await asyncio.sleep(0.5)
    except ConnectionError:
        pass
    finally:
        writer.close()


async def flood(folder: Path, kind: str, strangers: int) -> None:
    async with running(folder) as it:
        assert await it.install() == 200
        peak = before = resident_megabytes(it.server.pid)
        start, *lines = (line.format(now=int(time.time())) for line in HEADERS[kind])
        request = head(start, f"Content-Length: {MAX_BODY_BYTES}", *lines)
        sending = asyncio.gather(*(send_body(it, request) for _ in range(strangers)))
        while not sending.done():
            peak = max(peak, resident_megabytes(it.server.pid))
            await asyncio.sleep(0.02)
        await sending
        answer = await it.slack.people.mention(it.slack.workspace(), "hello")
        print(f"{strangers} strangers, {kind}: {before:.0f} MB, at most {peak:.0f} MB")
        assert peak - before < MAX_GROWTH_MEGABYTES
        assert answer.status == 200


@pytest.mark.gen_test(timeout=60)
async def test_bodies_of_150_strangers_take_bounded_memory(tmp_path: Path) -> None:
    await flood(tmp_path, "badly signed", 150)


@pytest.mark.long
@pytest.mark.gen_test(timeout=120)
@pytest.mark.parametrize("kind", HEADERS)
async def test_bodies_of_600_strangers_take_bounded_memory(tmp_path: Path, kind: str) -> None:
    await flood(tmp_path, kind, 600)
