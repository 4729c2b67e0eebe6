"""One event on its way through the workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from slack_sdk.oauth.installation_store import Bot

from latchkey.dispatch.listeners import Listener
from latchkey.slackapi.requests import Payload, WorkspaceId, parse
from latchkey.storage import StoredEvent


class Prepared(NamedTuple):
    """What one attempt needs."""

    payload: Payload
    listeners: list[Listener]
    bot: Bot


@dataclass(slots=True, eq=False)
class Job:
    """An event, its place in the queue, and, if it is run at once, what was found out when it was accepted."""

    event: StoredEvent
    workspace: WorkspaceId
    channel_id: str | None
    prepared: Prepared | None = None
    """It takes five times the memory of the event's bytes, so it is dropped while the job waits, and made again."""
    is_on_disk: bool = True
    """Whether its outcome must be written."""
    is_started: bool = False


def job_from(event: StoredEvent) -> Job:
    """Return the job for an event from the store; raises PayloadError."""
    payload = parse_event(event)
    return Job(event, payload.workspace, payload.channel_id)


def parse_event(event: StoredEvent) -> Payload:
    """Return the event's payload, as it was when it was received; raises PayloadError."""
    payload = parse("application/json", event.body)
    payload.retry_num = event.retry_num
    return payload
