"""What is in the inbox now: ids for telling duplicates, counts for telling when it is full."""

from __future__ import annotations

import time
from collections.abc import Callable

from latchkey.errors import Overloaded
from latchkey.storage import Event


class Pending:
    """The events that were acknowledged, or are about to be, and are not finished."""

    def __init__(self, *, most_events: int, most_bytes: int, clock: Callable[[], float] = time.time) -> None:
        self._received: dict[str, float] = {}
        self._bytes = 0
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._clock = clock

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._received

    def __len__(self) -> int:
        return len(self._received)

    def check_room(self) -> None:
        """Raise Overloaded where the inbox is full."""
        if len(self._received) >= self._most_events or self._bytes >= self._most_bytes:
            raise Overloaded(len(self._received))

    def add(self, event: Event) -> None:
        self._received[event.event_id] = event.received_at
        self._bytes += len(event.body)

    def remove(self, event: Event) -> None:
        if self._received.pop(event.event_id, None) is not None:
            self._bytes -= len(event.body)

    def oldest_seconds(self) -> float:
        """Return the age of the event that came first; 0 where there is none."""
        first = next(iter(self._received.values()), None)
        return 0.0 if first is None else max(0.0, self._clock() - first)
