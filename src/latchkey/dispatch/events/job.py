"""One event on its way through the workers."""

from __future__ import annotations

from dataclasses import dataclass

from slack_sdk.oauth.installation_store import Bot

from latchkey.dispatch.listeners import Listener
from latchkey.slackapi.requests import Payload, WorkspaceId, parse
from latchkey.storage import Event, Tried


@dataclass(slots=True, eq=False)
class SharedRecord:
    """An inbox record, and how many of its events are still in it."""

    record_id: str
    events: int


@dataclass(slots=True, eq=False)
class Job:
    """An event, what of it is still to be done, and where it stands on disk."""

    event: Event
    workspace: WorkspaceId
    channel_id: str | None
    payload: Payload | None
    """Parsed already; None: to be parsed when its turn comes, which takes less memory until then."""
    listeners: list[Listener] | None = None
    """Known already; None: those that match, less what `left` leaves out."""
    bot: Bot | None = None
    """Looked up already, and none of the app's own doing; None: to be looked up."""
    left: list[str] | None = None
    """The keys of the listeners that have not succeeded yet; None: all."""
    attempts: int = 0
    """How often it has been begun."""
    begun: bool = False
    """Its turn has come."""
    record: SharedRecord | None = None
    """The inbox record that it shares with others."""
    has_own_record: bool = False
    """It stands on disk by itself."""

    @property
    def is_on_disk(self) -> bool:
        return self.has_own_record or self.record is not None

    def forget_what_is_cheap(self) -> None:
        """Keep the bytes alone, which take a fifth of the room; the rest is found again when its turn comes."""
        self.payload = self.listeners = self.bot = None

    def tried(self, due_at: float, error: str = "") -> Tried:
        """Return how far it has come, as the inbox keeps it."""
        return Tried(self.event, self.attempts, due_at, self.left, error)


def job_from(tried: Tried) -> Job:
    """Return the job for an event that has a record of its own."""
    payload = parsed(tried.event)
    return Job(
        tried.event,
        payload.workspace,
        payload.channel_id,
        None,
        left=tried.listeners,
        attempts=tried.attempts,
        has_own_record=True,
    )


def parsed(event: Event) -> Payload:
    """Return the event's payload, as it was when it came."""
    payload = parse("application/json", event.body)
    payload.retry_num = event.retry_num
    return payload
