"""One event on its way through the workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from latchkey.dispatch.listeners import Listener
from latchkey.slackapi.requests import AGENT_SESSION_STOPPED, REVOCATIONS, Payload, WorkspaceId, parse_stored
from latchkey.storage import StoredEvent
from latchkey.tokens import Access


class Prepared(NamedTuple):
    """What one attempt needs."""

    payload: Payload
    listeners: list[Listener]
    access: Access


@dataclass(slots=True, eq=False)
class Job:
    """An event, its place in the queue, and, if it is run at once, what was found out when it was accepted."""

    event: StoredEvent
    workspace: WorkspaceId
    channel_id: str | None
    """The channel in which it has its place; None if it has none."""
    happened_at: int | None
    """Slack's event time (Unix seconds); None if Slack sent none."""
    is_revocation: bool
    """Whether it reports that tokens were revoked; its listeners run even if there is no token left."""
    has_trigger: bool = False
    """Whether it has a trigger id: then it runs at once, and only once, because that expires."""
    prepared: Prepared | None = None
    """It takes five times the memory of the event's bytes, so it is deleted while the job waits, and made again."""
    is_on_disk: bool = True
    """Whether its outcome must be written."""
    is_running: bool = False
    began: float = 0.0
    """When its attempt began, by `time.monotonic`."""
    is_dropped: bool = False
    """Whether its workspace has removed the app, so that it must not run."""


def new_job(event: StoredEvent, payload: Payload, prepared: Prepared | None = None) -> Job:
    """Return the job for an event that was parsed already."""
    is_revocation = payload.type in REVOCATIONS
    if is_revocation:
        prepared = None  # it was made from tokens that may be revoked
    has_trigger = payload.has_trigger
    has_no_place = has_trigger or payload.type == AGENT_SESSION_STOPPED  # that must not wait for what it stops
    channel_id = None if has_no_place else payload.channel_id
    return Job(event, payload.workspace, channel_id, payload.event_time, is_revocation, has_trigger, prepared)


def job_from(event: StoredEvent) -> Job:
    """Return the job for an event from the store; raises PayloadError."""
    return new_job(event, parse_event(event))


def parse_event(event: StoredEvent) -> Payload:
    """Return the event's payload, as it was when it was received; raises PayloadError."""
    payload = parse_stored(event.body)
    payload.retry_num = event.retry_num
    return payload


def happened_by(job: Job, until: float | None) -> bool:
    """Whether an event happened no later than `until` (Unix seconds by Slack's clock; None: no limit).

    Without Slack's time for the event, the time of its receipt counts.
    """
    if until is None:
        return True
    return (int(job.event.received_at) if job.happened_at is None else job.happened_at) <= until
