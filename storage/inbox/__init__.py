"""Events from before their 200 until their listeners are done."""

from latchkey.storage.inbox.event_admin import Entry, EventRecords, State
from latchkey.storage.inbox.event_codec import Event, Tried, event_id_of
from latchkey.storage.inbox.inbox import Arrival, Inbox, Progress
from latchkey.storage.inbox.unfinished import fail_unfinished

__all__ = [
    "Arrival",
    "Entry",
    "Event",
    "EventRecords",
    "Inbox",
    "Progress",
    "State",
    "Tried",
    "event_id_of",
    "fail_unfinished",
]
