"""New events and outcomes share commits, and nothing waits for company."""

import asyncio
import threading
import time
from typing import Any

from latchkey.dispatch import EventPipeline, Interactions
from latchkey.errors import StoreUnavailable
from latchkey.storage import Outcome, OutcomeKind, StoredEvent
from tests.dispatch.doubles import Bench, event, send, sent
from tests.dispatch.events.waiting import at_once, ids, send_and_wait
from tests.support.stores import unfinished
from tests.support.waiting import until


class Commits:
    """The ids of the events and outcomes of each commit; a test can hold up the next one."""

    def __init__(self, bench: Bench) -> None:
        self.made: list[tuple[list[str], list[str]]] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self._commit = bench.store.inbox.commit
        bench.store.inbox.commit = self.commit  # type: ignore[method-assign]

    def commit(self, events: list[StoredEvent], outcomes: list[Outcome]) -> set[str]:
        self.made.append((ids(events), ids(outcome.event for outcome in outcomes)))
        assert self.go_on.wait(5)
        return self._commit(events, outcomes)


class TestCommits:
    """An outcome waits for no time to pass; while events keep coming, it shares their commits."""

    def test_on_an_idle_server_an_outcome_is_on_disk_without_waiting(self, bench: Bench) -> None:
        bench.app.event("app_mention")(lambda: None)
        commits = Commits(bench)

        async def use(_: Interactions, events: EventPipeline) -> None:
            loop = asyncio.get_running_loop()
            now = loop.time()
            loop.time = lambda: now  # type: ignore[method-assign]  # so that no timer fires
            sent_event = asyncio.ensure_future(sent(events, event(event_id="Ev1")))
            deadline = time.monotonic() + 5
            while len(commits.made) < 2 or unfinished(bench.store):
                assert time.monotonic() < deadline, f"only {commits.made}"
                await asyncio.sleep(0)
            del loop.time  # type: ignore[misc]
            assert await sent_event is None

        bench.run(use)
        assert commits.made == [(["Ev1"], []), ([], ["Ev1"])]

    def test_what_arrives_during_a_commit_shares_the_next_one(self, bench: Bench) -> None:
        finish = asyncio.Event()

        @bench.app.event("app_mention")
        async def listener() -> None:
            await finish.wait()

        commits = Commits(bench)

        async def use(_: Interactions, events: EventPipeline) -> None:
            assert await send(events, event(event_id="Ev1"), event(event_id="Ev2")) == [None, None]
            commits.go_on.clear()
            waiting = [asyncio.ensure_future(sent(events, event(event_id="Ev3")))]
            await until(lambda: len(commits.made) == 3)
            finish.set()
            waiting.append(asyncio.ensure_future(sent(events, event(event_id="Ev4"))))
            await until(lambda: bench.count("events_finished") == 2)
            commits.go_on.set()
            assert await asyncio.gather(*waiting) == [None, None]
            await until(lambda: not unfinished(bench.store))

        bench.run(use)
        assert commits.made[:4] == [(["Ev1"], []), (["Ev2"], []), (["Ev3"], []), (["Ev4"], ["Ev1", "Ev2"])]

    def test_a_later_outcome_of_an_event_replaces_an_earlier_one(self, bench: Bench) -> None:
        bench.delay = at_once

        @bench.app.event("app_mention")
        async def listener(context: Any) -> None:
            if context.attempt == 1:
                raise ValueError

        written: list[list[OutcomeKind]] = []
        commit = bench.store.inbox.commit

        def record(events: list[StoredEvent], outcomes: list[Outcome]) -> set[str]:
            written.append([outcome.kind for outcome in outcomes])
            if len(written) == 2:
                raise StoreUnavailable("full", "the disk is full")
            return commit(events, outcomes)

        bench.store.inbox.commit = record  # type: ignore[method-assign]
        bench.run(lambda _, events: send_and_wait(events, lambda: bench.count("events_finished")))
        assert written == [[], [OutcomeKind.RETRY], [OutcomeKind.RETRY], [OutcomeKind.DONE]]
        assert not unfinished(bench.store)
