"""Checks the events in the inbox."""

from __future__ import annotations

from collections.abc import Iterator

from latchkey.doctor.doctor_context import DoctorContext
from latchkey.errors import LatchkeyError, StoreUnavailable, UnreadableRecord, plural
from latchkey.preflight import Finding, Problem
from latchkey.storage import CommandStore, EventStatus

MAX_WAIT_SECONDS = 900
INBOX_NEARLY_FULL_SHARE = 0.8
"""As a share of [events] inbox_events."""

EVENTS_FAILED = Problem.warning(
    "events-failed",
    cause="Listeners failed on these events, and there will be no further retries.",
    fix="`latchkey events list --status failed`, then `latchkey events retry` or `drop`.",
)
EVENTS_LATE = Problem.warning(
    "events-late",
    cause="Events have been waiting for a long time: listeners are slow, or fail and are retried.",
    fix="See `latchkey events list` and the log.",
)
INBOX_NEARLY_FULL = Problem.warning(
    "inbox-nearly-full",
    cause="Events arrive faster than listeners handle them.",
    fix="Make the listeners faster, or raise [events] inbox_events.",
)
PROBLEMS = (EVENTS_FAILED, EVENTS_LATE, INBOX_NEARLY_FULL)


def check_events(context: DoctorContext) -> Iterator[Finding]:
    """Count the failed and the waiting events."""
    if isinstance(context.store, LatchkeyError):
        return  # reported with the store
    try:
        yield from _events(context.store, context)
    except StoreUnavailable:
        return  # reported with the store


def _events(store: CommandStore, context: DoctorContext) -> Iterator[Finding]:
    failed = waiting = 0
    oldest = context.clock()
    for event in store.event_admin.all():
        if isinstance(event, UnreadableRecord):
            continue  # already counted by keys.verify()
        if event.status is EventStatus.FAILED:
            failed += 1
        else:
            waiting += 1
            oldest = min(oldest, event.received_at)
    if failed:
        yield EVENTS_FAILED.found(f"{plural(failed, 'event')} failed")
    age = context.clock() - oldest
    if age > MAX_WAIT_SECONDS:
        oldest_of = f"the oldest of {plural(waiting, 'waiting event')}"
        yield EVENTS_LATE.found(f"{oldest_of} has waited for {age / 60:.0f} minutes")
    limit = context.settings.events.inbox_events
    if waiting > INBOX_NEARLY_FULL_SHARE * limit:
        yield INBOX_NEARLY_FULL.found(f"{waiting:,} of at most {limit:,} events are waiting")
