"""The events in a store."""

from latchkey.errors import UnreadableRecord
from latchkey.storage import EventStatus, Store, StoredEvent

UNFINISHED = [EventStatus.WAITING, EventStatus.RETRYING, EventStatus.REPLAYING]


def unfinished(store: Store) -> list[StoredEvent | UnreadableRecord]:
    """Return all events that are neither done nor failed."""
    return list(store.event_admin.all(UNFINISHED))


def failed(store: Store) -> list[StoredEvent | UnreadableRecord]:
    return list(store.event_admin.all([EventStatus.FAILED]))
