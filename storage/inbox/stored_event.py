"""An acknowledged event, what one attempt at it came to, and the statuses that an operator sees."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import Enum, StrEnum
from typing import NamedTuple


class EventStatus(StrEnum):
    """What happens to an unfinished event next; those that need an operator come first."""

    FAILED = "failed"
    """A listener failed at the last attempt. Nothing happens until an operator retries or drops the event."""
    REPLAYING = "replaying"
    """It had failed, and an operator asked for another run."""
    RETRYING = "retrying"
    """It is retried automatically: a listener failed, or the server stopped before its listeners were done."""
    WAITING = "waiting"
    """Its listeners are running for the first time, or are about to."""


class StoredEvent(NamedTuple):
    """One verified event and how far it has come."""

    event_id: str
    received_at: float
    """Unix seconds."""
    request_id: str
    retry_num: int | None
    """Slack's X-Slack-Retry-Num; None at its first try."""
    body: bytes
    """JSON, as Slack sent it."""
    event_time: float | None = None
    """When it happened according to Slack, in Unix seconds, the same in every copy; None if Slack did not say."""
    status: EventStatus = EventStatus.WAITING
    attempts: int = 0
    """How many times its listeners have been started, as far as is known."""
    due_at: float = 0.0
    """Unix seconds; it is not retried earlier."""
    listeners: Sequence[str] | None = None
    """The ids of the listeners that have not succeeded yet; None: all that match."""
    error: str = ""
    """What went wrong last: a type and a place, never a message."""
    is_step_complete: bool = False
    """Whether Slack has completed the run of a custom step that the event has started."""


class OutcomeKind(Enum):
    DONE = "done"
    RETRY = "retry"
    FAILED = "failed"


class Outcome(NamedTuple):
    """What one attempt came to."""

    kind: OutcomeKind
    event: StoredEvent
    """As it is from now on."""

    @classmethod
    def done(cls, event: StoredEvent) -> Outcome:
        """Its listeners have all succeeded, or there are none."""
        return cls(OutcomeKind.DONE, event)

    @classmethod
    def retry(cls, event: StoredEvent, *, attempts: int, due_at: float) -> Outcome:
        """It is tried again at `due_at` (Unix seconds), with this many attempts behind it."""
        return cls(OutcomeKind.RETRY, event._replace(status=EventStatus.RETRYING, attempts=attempts, due_at=due_at))

    @classmethod
    def failed(cls, event: StoredEvent, *, attempts: int, now: float) -> Outcome:
        """It has failed for the last time, and is kept for the operator."""
        return cls(OutcomeKind.FAILED, event._replace(status=EventStatus.FAILED, attempts=attempts, due_at=now))


def event_id_of(given: str | None, body: bytes) -> str:
    """Return the id that distinguishes an event from all others: Slack's, or the body's hash if Slack gave none."""
    return given or "body-" + hashlib.sha256(body).hexdigest()[:32]
