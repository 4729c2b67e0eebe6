"""Events from before their 200 until their listeners are done."""

from latchkey.storage.inbox.event_admin import EventAdmin
from latchkey.storage.inbox.inbox import Inbox
from latchkey.storage.inbox.replays import replay_of
from latchkey.storage.inbox.stored_event import EventStatus, Outcome, OutcomeKind, StoredEvent, event_id_of
from latchkey.storage.inbox.unfinished import fail_unfinished

__all__ = [
    "EventAdmin",
    "EventStatus",
    "Inbox",
    "Outcome",
    "OutcomeKind",
    "StoredEvent",
    "event_id_of",
    "fail_unfinished",
    "replay_of",
]
