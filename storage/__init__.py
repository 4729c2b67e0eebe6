"""Everything at rest: keyring, sealing, the engine, installations, states and the inbox.

Rule: this folder alone knows sqlitedict, and `sealing` alone knows the
cryptography. Other rooms, and other programs, come in through `open_store`.
"""

from storage.async_installations import Installations
from storage.backup import make_backup
from storage.event_records import Entry, State
from storage.events import Event, Tried, event_id_of
from storage.inbox import Arrival, Inbox, Progress
from storage.installations import InstallationPage
from storage.manifest import Backup, list_backups
from storage.opening import open_store
from storage.states import States
from storage.store import Store

__all__ = [
    "Arrival",
    "Backup",
    "Entry",
    "Event",
    "Inbox",
    "InstallationPage",
    "Installations",
    "Progress",
    "State",
    "States",
    "Store",
    "Tried",
    "event_id_of",
    "list_backups",
    "make_backup",
    "open_store",
]
