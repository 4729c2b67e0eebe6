"""Unfinished events, wherever they are: read from any record, or all moved to the failed ones.

Invariant: an event of a batch is finished once its id is among the seen ids, or once it has a record of its own.
"""

from __future__ import annotations

from latchkey.storage.engine import Change, IdSet
from latchkey.storage.inbox.event_codec import from_value, to_value, unpack
from latchkey.storage.inbox.seen_ids import seen_id
from latchkey.storage.inbox.stored_event import EventStatus, StoredEvent
from latchkey.storage.records import Records, Stored
from latchkey.storage.tables import FAILED, INBOX, REPLAYS, RETRIES, SEEN_IDS

TABLE_OF = {
    EventStatus.FAILED: FAILED,
    EventStatus.REPLAYING: REPLAYS,
    EventStatus.RETRYING: RETRIES,
    EventStatus.WAITING: INBOX,
}


def unfinished(records: Records, status: EventStatus, record: Stored) -> list[StoredEvent]:
    """Return the unfinished events of a record with events of this status; a batch may have several or none."""
    if status is not EventStatus.WAITING:
        return [from_value(record.value, status)]
    events = {seen_id(event): event for event in unpack(record.value)}
    for finished in records.engine.existing(SEEN_IDS, list(events)):
        del events[finished]
    return list(events.values())


def fail_unfinished(records: Records, error: str) -> None:
    """Move all unfinished events to the failed ones, with this error; unreadable records are left as they are."""
    for status in (EventStatus.WAITING, EventStatus.RETRYING, EventStatus.REPLAYING):
        for record in records.all(TABLE_OF[status]):
            if isinstance(record, Stored):
                _fail(records, status, record, error)


def _fail(records: Records, status: EventStatus, record: Stored, error: str) -> None:
    failed = unfinished(records, status, record)
    changes: list[Change] = [records.remove(TABLE_OF[status], record)]
    changes += [records.put(FAILED, event.event_id, to_value(event._replace(error=error))) for event in failed]
    records.commit(changes, IdSet(SEEN_IDS, [seen_id(event) for event in failed]))
