"""What the server's log says about the end of each attempt at an event is shown at the event."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from latchkey.simulator.demo import follow
from latchkey.simulator.model import EventEnd
from tests.simulator.simulation import recording_app, simulation
from tests.support.running import Running, running
from tests.support.waiting import until

APP = """
import asyncio
def register(app):
    @app.event("app_mention")
    async def mentioned(event, context):
        if "wait" in event["text"]:
            await asyncio.sleep(0.3)
        if "fail" in event["text"] and context["attempt"] == 1:
            raise ValueError("on purpose")
"""


def notes(it: Running, text: str) -> list[str]:
    """Return the notes of the exchange with this text."""
    [found] = [each for each in it.slack.world.exchanges.latest(50) if text in each.body]
    return list(found.document()["notes"])


@pytest.mark.gen_test(timeout=30)
async def test_the_inspector_shows_how_the_listeners_of_an_event_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ends.py").write_text(APP)
    environment = {"LATCHKEY_LISTENERS_MODULES": "ends", "LATCHKEY_EVENTS_MAX_ATTEMPTS": "2"}
    async with running(tmp_path, environment=environment) as it:
        following = asyncio.create_task(follow(it.server.log, it.slack.world))
        await it.install()
        acme = it.slack.workspace()
        await it.slack.people.mention(acme, "wait")
        await it.slack.people.mention(acme, "fail")
        await until(lambda: len(notes(it, "wait")) == 3 and len(notes(it, "fail")) == 4)
        following.cancel()
    waited, failed = notes(it, "wait"), notes(it, "fail")
    milliseconds = int(waited[-1].removeprefix("Stored; the listeners ended after ").partition(" ms, attempt 1.")[0])
    assert 300 <= milliseconds < 3000
    assert failed[-2].startswith("Stored; a listener failed after ")
    assert failed[-2].endswith(" ms, attempt 1. The server tries it again in 1 s.")
    assert failed[-1].endswith(" ms, attempt 2.")
    [summary] = [each.summary() for each in it.slack.world.exchanges.latest(50) if "wait" in each.body]
    assert "Acknowledged in " in summary["note"]
    assert summary["note"].endswith("ms, attempt 1.")
    printed = capsys.readouterr().err
    assert "ValueError: on purpose" in printed, "the rest of the log is shown as before"
    assert "latchkey.events" not in printed


@pytest.mark.gen_test
async def test_an_end_is_shown_at_the_acknowledged_request_even_if_it_is_reported_first() -> None:
    async with recording_app() as (url, _), simulation(url) as it:
        exchanges = it.slack.world.exchanges
        exchanges.ended(EventEnd("Ev1", 1, 0.002, "done"))
        for _ in range(2):  # the second is a copy, which the server ignores
            await it.slack.sender.mention(it.slack.workspace(), "x", wrapper={"event_id": "Ev1"})
        exchanges.ended(EventEnd("Ev1", 6, 1.26, "failed"))
        first, copy = (each.document() for each in exchanges.latest(2))
    assert first["notes"][-2:] == [
        "Stored; the listeners ended after 2 ms, attempt 1.",
        "Stored; a listener failed after 1.3 s, attempt 6, and the server does not try it again.",
    ]
    assert first["failed"] is True
    assert (copy["notes"][-1][:12], copy["failed"]) == ("Acknowledged", False)


@pytest.mark.gen_test
async def test_ends_of_events_that_never_arrive_are_forgotten() -> None:
    async with recording_app() as (url, _), simulation(url) as it:
        for number in range(200):
            it.slack.world.exchanges.ended(EventEnd(f"Ev{number}", 1, 0.0, "done"))
        for name in ("Ev0", "Ev199"):
            await it.slack.sender.mention(it.slack.workspace(), "x", wrapper={"event_id": name})
        ends: list[Any] = [json.dumps(each.document()["notes"]) for each in it.slack.world.exchanges.latest(2)]
    assert ["Stored" in notes for notes in ends] == [False, True]
