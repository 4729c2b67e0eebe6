"""A short soak test: a few seconds of mixed requests leave nothing behind except ids of seen events."""

import asyncio
import itertools
import random
import re
from pathlib import Path

import pytest

from latchkey.simulator import FORM, JSON
from tests.support.running import Running, running

ROUNDS = 12
REQUESTS = 60


async def open_resources(it: Running) -> tuple[int, int]:
    """Return the numbers of descriptors and threads of the server."""
    metrics = (await it.browser.get(it.server.metrics_url)).body.decode()
    [descriptors] = re.findall(r"^process_open_fds (\S+)$", metrics, re.MULTILINE)
    return int(float(descriptors)), len(list(Path(f"/proc/{it.server.pid}/task").iterdir()))


async def send_mixed_requests(it: Running, numbers: "itertools.count[int]", chance: random.Random) -> None:
    acme = it.slack.workspace()
    sender = it.slack.sender
    event = {"type": "app_mention", "user": "U0ALICE", "text": f"{next(numbers)}", "channel": acme.channel_id}
    body = sender.event_body(acme, event)
    assert (await sender.send("event", body, JSON)).status == 200
    assert (await sender.send("event", body, JSON, retry=1)).status == 200
    assert (await sender.send("event", body[:-1] + b" }", JSON)).status == 200
    assert (await sender.send("nonsense", bytes(chance.randrange(256) for _ in range(50)), FORM)).status == 400
    assert await it.status("/slack/install") == 200
    assert await it.status("/wp-login.php") == 404


@pytest.mark.gen_test(timeout=60)
async def test_requests_leave_no_descriptors_threads_or_inbox_records(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        assert await it.install() == 200
        numbers, chance = itertools.count(), random.Random(1)
        seen: list[tuple[int, int]] = []
        for _ in range(ROUNDS):
            await asyncio.gather(*(send_mixed_requests(it, numbers, chance) for _ in range(REQUESTS // ROUNDS)))
            await asyncio.sleep(0.15)
            seen.append(await open_resources(it))
        first, last = seen[ROUNDS // 2], seen[-1]
        assert last[0] <= first[0] + 2, seen
        assert last[1] <= first[1] + 2, seen
        async with asyncio.timeout(5):
            while it.rows("inbox") or it.rows("retries"):
                await asyncio.sleep(0.05)
        assert not it.rows("aside")
        assert it.rows("remembered") >= REQUESTS
