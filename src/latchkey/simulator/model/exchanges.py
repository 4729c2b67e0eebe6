"""Requests and responses between Slack and the app, as the inspector shows them."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from latchkey.simulator.model.changes import Changes
from latchkey.simulator.model.event_ends import EventEnd

MAX_EXCHANGES = 500
MAX_EARLY_ENDS = 100
MAX_BODY_CHARACTERS = 100_000
"""Longer bodies are cut."""


@dataclass
class Exchange:
    """One request and its response."""

    direction: Literal["to the app", "to Slack"]
    what: str
    """What was sent, such as "command /deploy" or "chat.postMessage"."""
    method: str
    url: str
    headers: list[tuple[str, str]]
    body: str
    status: int
    """599: no response."""
    response_headers: list[tuple[str, str]]
    response_body: str
    milliseconds: float
    time: float
    """When the request was sent, in Unix seconds."""
    failed: bool = False
    notes: list[str] = field(default_factory=list)
    """What the request and its response mean, in sentences."""
    team_id: str = ""
    event_id: str = ""
    """Of an event that was sent to the app."""
    ends: list[EventEnd] = field(default_factory=list)
    """The attempts at this event that have ended; empty if the app's server does not report them."""
    number: int = 0

    def summary(self) -> dict[str, Any]:
        """Return what the list of exchanges shows."""
        return {
            "number": self.number,
            "direction": self.direction,
            "what": self.what,
            "status": self.status,
            "milliseconds": round(self.milliseconds, 1),
            "time": self.time,
            "failed": self.failed or any(not end.is_done for end in self.ends[-1:]),
            "note": " ".join([*self.notes[-1:], *(end.sentence for end in self.ends[-1:])]),
            "team": self.team_id,
        }

    def document(self) -> dict[str, Any]:
        """Return everything."""
        return {
            **self.summary(),
            "method": self.method,
            "url": self.url,
            "headers": self.headers,
            "body": self.body,
            "response_headers": self.response_headers,
            "response_body": self.response_body,
            "notes": [*self.notes, *(end.sentence for end in self.ends)],
        }


class Exchanges:
    """The latest exchanges."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._kept: deque[Exchange] = deque(maxlen=MAX_EXCHANGES)
        self._early: OrderedDict[str, list[EventEnd]] = OrderedDict()
        """By event id: ends that were reported before the app's response to the event had arrived."""
        self._count = 0

    def add(self, exchange: Exchange) -> None:
        """Number an exchange and keep it."""
        self._count += 1
        exchange.number = self._count
        exchange.body = exchange.body[:MAX_BODY_CHARACTERS]
        exchange.response_body = exchange.response_body[:MAX_BODY_CHARACTERS]
        if exchange.event_id and not exchange.failed:
            exchange.ends += self._early.pop(exchange.event_id, [])
        self._kept.append(exchange)
        self._changes.add("exchange", exchange.summary())

    def ended(self, end: EventEnd) -> None:
        """Show the end of an attempt at an event in the exchange in which the app has acknowledged the event."""
        for exchange in self._kept:
            if exchange.event_id == end.event_id and not exchange.failed:
                exchange.ends.append(end)
                self._changes.add("exchange", exchange.summary())
                return
        self._early.setdefault(end.event_id, []).append(end)
        if len(self._early) > MAX_EARLY_ENDS:
            self._early.popitem(last=False)

    def get(self, number: int) -> Exchange | None:
        return next((exchange for exchange in self._kept if exchange.number == number), None)

    def latest(self, limit: int) -> Iterable[Exchange]:
        """Return the latest exchanges, oldest first."""
        return list(self._kept)[-limit:]
