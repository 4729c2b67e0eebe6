"""Requests and responses between Slack and the app, as the inspector shows them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from latchkey.simulator.model.changes import Changes

MAX_EXCHANGES = 500
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
            "failed": self.failed,
            "note": self.notes[-1] if self.notes else "",
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
            "notes": self.notes,
        }


class Exchanges:
    """The latest exchanges."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._kept: deque[Exchange] = deque(maxlen=MAX_EXCHANGES)
        self._count = 0

    def add(self, exchange: Exchange) -> None:
        """Number an exchange and keep it."""
        self._count += 1
        exchange.number = self._count
        exchange.body = exchange.body[:MAX_BODY_CHARACTERS]
        exchange.response_body = exchange.response_body[:MAX_BODY_CHARACTERS]
        self._kept.append(exchange)
        self._changes.add("exchange", exchange.summary())

    def get(self, number: int) -> Exchange | None:
        return next((exchange for exchange in self._kept if exchange.number == number), None)

    def latest(self, limit: int) -> Iterable[Exchange]:
        """Return the latest exchanges, oldest first."""
        return list(self._kept)[-limit:]
