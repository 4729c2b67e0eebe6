"""Events from before their 200 until their listeners are done."""

from latchkey.storage.inbox.event_admin import Entry, EventRecords, State, unfinished
from latchkey.storage.inbox.event_codec import Event, Tried, event_id_of, tried_from_value, tried_to_value
from latchkey.storage.inbox.inbox import Arrival, Inbox, Progress

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
    "tried_from_value",
    "tried_to_value",
    "unfinished",
]
