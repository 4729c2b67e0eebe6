"""What the event pipeline counts."""

import asyncio

from prometheus_client import generate_latest

from latchkey.dispatch import EventPipeline, Interactions
from tests.dispatch.doubles import Bench, event, send
from tests.support.clocks import Clock


class TestMetrics:
    def test_counters_reach_prometheus(self, bench: Bench) -> None:
        bench.app.event("app_mention")(lambda: None)
        bench.send(event(event_id="Ev1"), event(event_id="Ev1"))
        bench.metrics.event_ack_seconds.observe(0.02)
        bench.metrics.event_ack_seconds.observe(9)
        text = generate_latest(bench.metrics.registry).decode()
        for line in (
            "latchkey_events_received_total 2.0",
            "latchkey_events_acknowledged_total 1.0",
            "latchkey_events_deduplicated_total 1.0",
            "latchkey_inbox_events 0.0",
            'latchkey_event_ack_seconds_bucket{le="0.025"} 1.0',
            'latchkey_event_ack_seconds_bucket{le="3.0"} 1.0',
            'latchkey_event_ack_seconds_bucket{le="+Inf"} 2.0',
            "latchkey_event_ack_seconds_sum 9.02",
        ):
            assert line in text

    def test_the_age_of_the_oldest_event_is_shown(self, bench: Bench) -> None:
        finish = asyncio.Event()
        bench.clock = clock = Clock()

        @bench.app.event("app_mention")
        async def listener() -> None:
            await finish.wait()

        async def use(_: Interactions, events: EventPipeline) -> float | None:
            await send(events, event())
            clock.now += 7
            oldest = bench.metrics.registry.get_sample_value("latchkey_inbox_oldest_seconds")
            finish.set()
            return oldest

        assert bench.run(use) == 7
