"""An event that cannot be stored is not acknowledged."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.dispatch import EventOptions, EventPipeline, Interactions
from latchkey.errors import Overloaded, StoreUnavailable, UnreadableRecord
from tests.dispatch.doubles import Bench, event, send, sent
from tests.support.stores import unfinished
from tests.support.waiting import until


class TestBackPressure:
    @pytest.mark.parametrize("durable", [True, False])
    @pytest.mark.parametrize("options", [{"inbox_events": 2}, {"inbox_bytes": 300}])
    def test_a_full_inbox_refuses_events_until_there_is_room(
        self, bench: Bench, options: dict[str, int], durable: bool
    ) -> None:
        bench.options = EventOptions(durable=durable, **options)
        go_on = asyncio.Event()
        ran: list[int] = []

        @bench.app.event("app_mention")
        async def listener() -> None:
            await go_on.wait()
            ran.append(1)

        async def use(_: Interactions, events: EventPipeline) -> None:
            assert [type(answer) for answer in await send(events, *(event() for _ in range(4)))] == [
                type(None), type(None), Overloaded, Overloaded,
            ]  # fmt: skip
            go_on.set()
            await until(lambda: bench.metrics.registry.get_sample_value("latchkey_inbox_events") == 0)
            assert await send(events, event()) == [None]

        bench.run(use)
        assert (bench.count("events_refused"), bench.count("events_acknowledged"), len(ran)) == (2, 3, 3)

    def test_a_locked_store_refuses_events_in_time_and_accepts_the_retry(self, bench: Bench, tmp_path: Path) -> None:
        ran: list[int] = []
        bench.app.event("app_mention")(lambda: ran.append(1))

        async def use(_: Interactions, events: EventPipeline) -> None:
            with closing(sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                begun = time.monotonic()
                answers = await asyncio.gather(*(sent(events, event(event_id=f"Ev-{n}")) for n in range(20)))
                assert time.monotonic() - begun < 2.5
                assert all(isinstance(answer, StoreUnavailable) for answer in answers)
                other.execute("ROLLBACK")
            assert not ran
            assert await send(events, event(event_id="Ev-1", retry_num=1)) == [None]

        bench.run(use)
        assert len(ran) == 1
        assert bench.count("events_refused") == 20

    def test_a_copy_sent_during_a_late_commit_does_not_run_as_well(self, bench: Bench) -> None:
        """The first copy is refused at its deadline but committed later, and Slack has sent the event again."""
        bench.deadline = 0.1
        ran: list[int] = []
        bench.app.event("app_mention")(lambda: ran.append(1))

        async def use(_: Interactions, events: EventPipeline) -> list[Exception | None]:
            commit = bench.store.inbox.commit
            bench.store.inbox.commit = lambda *written: time.sleep(0.4) or commit(*written)  # type: ignore[method-assign,func-returns-value]
            answers = await send(events, *(event(event_id="Ev1", retry_num=number or None) for number in range(3)))
            await until(lambda: ran)
            return answers + await send(events, event(event_id="Ev1", retry_num=3))

        assert [type(answer) for answer in bench.run(use)] == [StoreUnavailable] * 3 + [type(None)]
        assert len(ran) == 1

    def test_events_behind_a_late_commit_are_refused_in_time_and_accepted_later(self, bench: Bench) -> None:
        bench.deadline = 0.1
        ran: list[str] = []
        bench.app.event("app_mention")(lambda event: ran.append(event["text"]))

        async def use(_: Interactions, events: EventPipeline) -> None:
            commit = bench.store.inbox.commit
            bench.store.inbox.commit = lambda *written: time.sleep(0.4) or commit(*written)  # type: ignore[method-assign,func-returns-value]
            first = asyncio.ensure_future(sent(events, event(text="first")))
            await asyncio.sleep(0.02)
            assert isinstance(await sent(events, event(event_id="Ev2", text="behind")), StoreUnavailable)
            assert isinstance(await first, StoreUnavailable)
            bench.store.inbox.commit = commit  # type: ignore[method-assign]
            await until(lambda: ran)
            assert ran == ["first"]
            assert await sent(events, event(event_id="Ev2", text="behind", retry_num=1)) is None

        bench.run(use)
        assert ran == ["first", "behind"]

    def test_an_outcome_that_cannot_be_written_is_written_later(
        self, bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        go_on = asyncio.Event()

        @bench.app.event("app_mention")
        async def listener() -> None:
            await go_on.wait()

        async def use(_: Interactions, events: EventPipeline) -> None:
            await send(events, event(event_id="Ev1"))
            with closing(sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                go_on.set()
                await until(lambda: "could not save the outcomes of 1 events" in caplog.text)
                assert await send(events, event(event_id="Ev1", retry_num=1)) == [None], "it is still recognized"
                other.execute("ROLLBACK")
            await until(lambda: not unfinished(bench.store))

        bench.run(use)
        assert bench.count("events_finished") == 1

    def test_an_unreadable_record_does_not_prevent_the_start_and_stays(
        self, bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        bench.app.event("app_mention")(lambda: time.sleep(3600) if False else None)
        with closing(sqlite3.connect(tmp_path / "store.sqlite")) as other, other:
            other.execute("INSERT INTO inbox (key, value) VALUES ('0001', x'00')")
            other.execute("INSERT INTO retries (key, value) VALUES ('Ev1', x'00')")
        assert bench.send(event()) == [None]
        assert "cannot read acknowledged events" in caplog.text
        assert sum(isinstance(found, UnreadableRecord) for found in unfinished(bench.store)) == 2
