"""An error of the server's own during an attempt does not keep the event until the next start."""

from typing import Any

from tests.dispatch.doubles import Bench
from tests.dispatch.events.waiting import send_and_wait
from tests.support.stores import unfinished


def test_the_event_is_retried(bench: Bench, caplog: Any) -> None:
    ran: list[int] = []
    delays: list[int] = []

    def delay(*_: object) -> float:
        delays.append(1)
        return 0.0 if len(delays) > 1 else 1 / 0

    @bench.app.event("app_mention")
    async def listener(attempt: int) -> None:
        ran.append(attempt)
        if attempt < 3:
            raise ValueError

    bench.delay = delay
    bench.run(lambda _, events: send_and_wait(events, lambda: bench.count("events_finished")))
    assert ran == [1, 2, 3]
    assert not unfinished(bench.store)
    [unexpected] = [record for record in caplog.records if "ended unexpectedly" in record.message]
    assert unexpected.exc_info[0] is ZeroDivisionError
