"""Unfinished events, wherever they are: read from any record, or all moved to the failed ones.

Invariant: an event of a batch is finished once its id is among the seen ids, or once it has a record of its own.
"""

from __future__ import annotations

from latchkey.storage.engine import Change, Marks
from latchkey.storage.inbox import seen_ids
from latchkey.storage.inbox.event_codec import Event, Tried, tried_from_value, tried_to_value, unpack
from latchkey.storage.records import Records, Stored
from latchkey.storage.tables import ASIDE, INBOX, REMEMBERED, REPLAYS, RETRIES


def seen_id(event: Event) -> str:
    """Return the record id under which this event is remembered as seen."""
    return seen_ids.record_id(event.event_id, event.received_at)


def unfinished(records: Records, table: str, record: Stored) -> list[Tried]:
    """Return the unfinished events of a record of one of the event tables; a batch may have several or none."""
    if table != INBOX:
        return [tried_from_value(record.value)]
    events = {seen_id(event): event for event in unpack(record.value)}
    for finished in records.existing(REMEMBERED, list(events)):
        del events[finished]
    return [Tried(event, 0, event.received_at) for event in events.values()]


def fail_unfinished(records: Records, error: str) -> None:
    """Move all unfinished events to the failed ones, with this error; unreadable records are left as they are."""
    for table in (INBOX, RETRIES, REPLAYS):
        for record in records.all(table):
            if isinstance(record, Stored):
                _fail(records, table, record, error)


def _fail(records: Records, table: str, record: Stored, error: str) -> None:
    failed = unfinished(records, table, record)
    changes: list[Change] = [records.remove(table, record)]
    for tried in failed:
        tried.error = error
        changes.append(records.put(ASIDE, tried.event.event_id, tried_to_value(tried)))
    records.commit(changes, Marks(REMEMBERED, [seen_id(tried.event) for tried in failed]))
