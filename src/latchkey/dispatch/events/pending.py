"""The unfinished events in memory: their ids, to recognize copies, and their size, to refuse more when it is full."""

from __future__ import annotations

import time
from collections.abc import Callable

from latchkey.errors import Overloaded
from latchkey.storage import StoredEvent


class Pending:
    """Events that were acknowledged, or are about to be, and are not finished."""

    def __init__(self, *, max_events: int, max_bytes: int, clock: Callable[[], float] = time.time) -> None:
        self._received: dict[str, float] = {}
        self._bytes = 0
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._clock = clock

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._received

    def __len__(self) -> int:
        return len(self._received)

    def check_room(self) -> None:
        """Raise Overloaded if the inbox is full."""
        if len(self._received) >= self._max_events or self._bytes >= self._max_bytes:
            raise Overloaded(len(self._received))

    def add(self, event: StoredEvent) -> None:
        self._received[event.event_id] = event.received_at
        self._bytes += len(event.body)

    def remove(self, event: StoredEvent) -> None:
        if self._received.pop(event.event_id, None) is not None:
            self._bytes -= len(event.body)

    def oldest_seconds(self) -> float:
        """Return the age of the event that was received first; 0 if there is none."""
        first = next(iter(self._received.values()), None)
        return 0.0 if first is None else max(0.0, self._clock() - first)
