"""What the tests of the event pipeline share."""

from typing import Any

from latchkey.dispatch import EventPipeline
from tests.dispatch.doubles import event, send
from tests.support.waiting import until


def at_once(*_: object) -> float:
    return 0.0


def ids(found: Any) -> list[str]:
    return [event.event_id for event in found]


async def send_and_wait(events: EventPipeline, happened: Any, payload: Any = None) -> None:
    """Send one event, and wait until `happened` returns something true."""
    await send(events, payload or event())
    await until(happened)
