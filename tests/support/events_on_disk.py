"""What of the events is on disk."""

from latchkey.errors import UnreadableRecord
from latchkey.storage import State, Store, Tried


def waiting(store: Store) -> list[Tried | UnreadableRecord]:
    """Return all that is not done and not set aside."""
    return [tried for _, tried in store.event_records.entries([State.WAITING, State.RETRYING, State.AGAIN])]


def aside(store: Store) -> list[Tried | UnreadableRecord]:
    return [tried for _, tried in store.event_records.entries([State.ASIDE])]
