"""Slack's templates for Python, loaded unchanged and driven by signed requests on the real server."""

import asyncio
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from latchkey.simulator import ServerDied, ServerProcess, Slack
from tests.outside.checkouts import Checkout
from tests.outside.page import table, write_section
from tests.outside.samples import ENVIRONMENT, SAMPLES, Sample
from tests.support.running import running

pytestmark = pytest.mark.outside
FAKES = Path(__file__).resolve().parent / "fakes"
CALL_SECONDS = 10.0
MODES = {"native": "LATCHKEY_LISTENERS_MODULES", "mounted": "LATCHKEY_BOLT_MODULES"}


async def drive(sample: Sample, path: Path, mode: str, folder: Path) -> str:
    """Return an empty text if the happy path passes, otherwise what went wrong."""
    environment = {
        **ENVIRONMENT,
        "PYTHONPATH": f"{path}:{FAKES}",
        MODES[mode]: "listeners",
        "LATCHKEY_SLACK_SCOPES": "chat:write,commands,app_mentions:read",
    }
    if mode == "mounted":
        environment["LATCHKEY_LISTENERS_MODULES"] = ""
    try:
        async with running(folder, ServerProcess, environment=environment) as it:
            await it.install()
            for number, (step, expected) in enumerate(sample.steps, 1):
                before = len(it.slack.world.calls)
                await step(it.slack)
                missing = await missing_calls(it.slack, before, expected)
                if missing:
                    return f"step {number}: no call of {', '.join(sorted(missing))}"
    except ServerDied as died:
        return next((line for line in str(died).splitlines() if "error:" in line), str(died))[-300:]
    return ""


async def missing_calls(slack: Slack, before: int, expected: frozenset[str]) -> set[str]:
    """Return the expected methods that were not called successfully in time."""
    until = time.monotonic() + CALL_SECONDS
    while True:
        called = {call.method for call in slack.world.calls[before:] if call.response.get("ok")}
        if expected <= called or time.monotonic() > until:
            return set(expected - called)
        await asyncio.sleep(0.05)


@pytest.mark.gen_test(timeout=600)
async def test_each_template_loads_unchanged_and_its_happy_path_passes(
    checkout: Callable[[str], Checkout], tmp_path: Path
) -> None:
    rows: list[list[object]] = []
    failed: list[str] = []
    for index, sample in enumerate(SAMPLES):
        place = checkout(sample.repository)
        if sample.needs:
            assert importlib.util.find_spec(sample.needs) is None
            rows.append([sample.name, place.commit, f"no: it imports `{sample.needs}`, which Bolt no longer has", "–"])
            continue
        assert (place.path / sample.variant / "listeners").is_dir()
        problems = []
        for mode in MODES:
            folder = tmp_path / f"{index}-{mode}"
            folder.mkdir()
            problem = await drive(sample, place.path / sample.variant, mode, folder)
            if not problem:
                rows.append([sample.name, place.commit, mode, 0])
                break
            problems.append(f"{mode}: {problem}")
        else:
            rows.append([sample.name, place.commit, "no", "–"])
            failed.append(f"{sample.name}: {'; '.join(problems)}")
    lines = table(["template", "commit", "runs", "lines changed"], rows)
    write_section("samples", "Slack's templates for Python", lines)
    assert not failed, "\n".join(failed)
