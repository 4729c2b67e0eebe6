"""After a SIGKILL, a custom step is not completed again, and an event with a trigger id is not run again."""

import asyncio
import random
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from latchkey.storage import FAILED, StoredEvent, open_store
from tests.support.running import Running, running
from tests.support.stores import failed
from tests.support.waiting import until

APP = """
import os, signal

def note(text):
    with open("journal", "ab", 0) as file:
        file.write(f"{text}\\n".encode())

def register(app):
    @app.function("greet")
    async def step(inputs, complete, fail, attempt):
        note(f"begin {attempt}")
        if inputs.get("fails"):
            await fail(f"failed in attempt {attempt}")
        else:
            await complete({"attempt": attempt})
        if inputs.get("dies") and attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        note(f"end {attempt}")

    @app.event("entity_details_requested")
    async def details(attempt):
        note(f"details {attempt}")
        os.kill(os.getpid(), signal.SIGKILL)
"""
_BOLT_APP = """
import os, signal
from {module} import {kind}

app = {kind}(token="xoxb-own", signing_secret="unused")

def note(text):
    with open("journal", "ab", 0) as file:
        file.write(f"{{text}}\\n".encode())

@app.function("greet")
{prefix}def step(inputs, complete, context):
    {wait}complete({{"attempt": context["attempt"]}})
    if context["attempt"] == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    note(f"end {{context['attempt']}}")

@app.event("entity_details_requested")
{prefix}def details(context):
    note(f"details {{context['attempt']}}")
    os.kill(os.getpid(), signal.SIGKILL)
"""
ASYNC_APP = _BOLT_APP.format(module="slack_bolt.async_app", kind="AsyncApp", prefix="async ", wait="await ")
SYNC_APP = _BOLT_APP.format(module="slack_bolt", kind="App", prefix="", wait="")
ENVIRONMENT = {"LATCHKEY_LISTENERS_MODULES": "step_app"}
MOUNTED = {"LATCHKEY_LISTENERS_MODULES": "", "LATCHKEY_BOLT_APP": "step_app:app"}


def accepted(it: Running) -> list[str]:
    """Return the runs that Slack has accepted completions of, in their order."""
    return [
        call.arguments["function_execution_id"]
        for call in it.slack.world.calls
        if call.method == "functions.completeSuccess" and call.response["ok"]
    ]


def lines(folder: Path) -> list[str]:
    path = folder / "journal"
    return path.read_text().splitlines() if path.exists() else []


def errors(folder: Path) -> list[str]:
    """Return the reasons of the failed events in the store of a stopped server."""
    with closing(open_store(folder / "data" / "store.sqlite", folder / "keys" / "keyring")) as store:
        return [event.error for event in failed(store) if isinstance(event, StoredEvent)]


async def execute(it: Running, **inputs: Any) -> Any:
    """Start a run; return it once the server has acknowledged its event."""
    run, answer = await it.slack.functions.execute(it.slack.workspace(), "greet", inputs)
    assert answer.status == 200
    return run


@pytest.mark.gen_test(timeout=60)
async def test_a_kill_around_the_completion_of_a_step_completes_it_once(tmp_path: Path) -> None:
    (tmp_path / "step_app.py").write_text(APP)
    async with running(tmp_path, environment=ENVIRONMENT) as it:
        assert await it.install() == 200

        # After `complete` has returned, and before the outcome: nothing is sent again.
        first = await execute(it, dies=True)
        await until(lambda: not it.server.is_running())
        await it.server.start(it.slack)
        await until(lambda: "end 2" in lines(tmp_path))
        assert first.outputs == {"attempt": 1}
        assert [call.method for call in it.slack.world.calls].count("functions.completeSuccess") == 1

        # The same, with an error.
        failed_run = await execute(it, dies=True, fails=True)
        await until(lambda: not it.server.is_running())
        await it.server.start(it.slack)
        await until(lambda: lines(tmp_path).count("end 2") == 2)
        assert failed_run.error == "failed in attempt 1"
        assert [call.method for call in it.slack.world.calls].count("functions.completeError") == 1

        # Slack has completed the run, and the server does not live to see the answer.
        it.slack.fail("functions.completeSuccess", acts=True, seconds=20)
        second = await execute(it)
        await until(lambda: second.outputs)
        it.server.kill()
        await it.server.start(it.slack)
        await until(lambda: lines(tmp_path).count("end 2") == 3)
        assert second.outputs == {"attempt": 1}
        assert accepted(it) == [first.execution_id, second.execution_id]
        await until(lambda: it.rows("retries") == 0)
        assert it.rows(FAILED) == 0
        assert await it.server.stop() == 0


@pytest.mark.gen_test(timeout=60)
async def test_a_kill_during_an_event_with_a_trigger_makes_it_fail(tmp_path: Path) -> None:
    (tmp_path / "step_app.py").write_text(APP)
    async with running(tmp_path, environment=ENVIRONMENT) as it:
        assert await it.install() == 200
        assert (await it.slack.people.open_details(it.slack.workspace(), "https://example.com/7")).status == 200
        await until(lambda: not it.server.is_running())
        await it.server.start(it.slack)
        await until(lambda: it.rows(FAILED) == 1)
        assert it.rows("retries") == it.rows("inbox") == 0
        assert await it.server.stop() == 0
    assert lines(tmp_path) == ["details 1"]
    assert errors(tmp_path) == ["trigger expired: the server stopped while it ran"]


@pytest.mark.gen_test(timeout=60)
@pytest.mark.parametrize("app", [ASYNC_APP, SYNC_APP], ids=["AsyncApp", "App"])
async def test_a_kill_during_a_mounted_apps_step_or_details_repeats_neither(tmp_path: Path, app: str) -> None:
    (tmp_path / "step_app.py").write_text(app)
    async with running(tmp_path, environment=MOUNTED) as it:
        assert await it.install() == 200
        run = await execute(it)
        await until(lambda: not it.server.is_running())
        await it.server.start(it.slack)
        await until(lambda: "end 2" in lines(tmp_path))
        assert run.outputs == {"attempt": 1}
        assert accepted(it) == [run.execution_id]
        assert [call.method for call in it.slack.world.calls].count("functions.completeSuccess") == 1
        assert (await it.slack.people.open_details(it.slack.workspace(), "https://example.com/7")).status == 200
        await until(lambda: not it.server.is_running())
        await it.server.start(it.slack)
        await until(lambda: it.rows(FAILED) == 1)
        assert await it.server.stop() == 0
    assert lines(tmp_path) == ["end 2", "details 1"]
    assert errors(tmp_path) == ["trigger expired: the server stopped while it ran"]


@pytest.mark.long
@pytest.mark.gen_test(timeout=600)
async def test_thirty_kills_under_load_complete_each_step_once(tmp_path: Path) -> None:
    chance = random.Random(30)
    (tmp_path / "step_app.py").write_text(APP)
    async with running(tmp_path, environment=ENVIRONMENT) as it:
        assert await it.install() == 200
        runs = []
        for _ in range(30):
            runs += await asyncio.gather(*(execute(it) for _ in range(20)))
            # An event that five kills in a row have interrupted would have failed.
            await until(lambda: it.rows("inbox") + it.rows("retries") < 20)
            await asyncio.sleep(chance.uniform(0, 0.05))
            it.server.kill()
            await it.server.start(it.slack)
        await until(lambda: all(run.outputs is not None for run in runs), 60)
        await until(lambda: it.rows("retries") == it.rows("inbox") == 0, 60)
        assert sorted(accepted(it)) == sorted(run.execution_id for run in runs)
        assert it.rows(FAILED) == 0
        again = sum(line == "begin 2" for line in lines(tmp_path))
        print(f"30 kills, {len(runs)} runs: {again} ran again, each was completed once")
