"""Everything at rest: keyring, sealing, the engine, installations, states and the inbox.

Rule: this folder alone knows sqlitedict, and `sealing` alone knows the
cryptography. Other rooms, and other programs, come in through `open_store`.
"""

from storage.async_installations import Installations
from storage.backup import make_backup
from storage.core_dumps import forbid_core_dumps
from storage.event_records import Entry, State
from storage.events import Event, Tried, event_id_of
from storage.every_record import Findings, KeyUse
from storage.files import create_private_file
from storage.inbox import Arrival, Inbox, Progress
from storage.installations import InstallationPage
from storage.keyring import read_keyring
from storage.keyring_file import KeyEntry
from storage.manifest import Backup, list_backups
from storage.openers import Opener
from storage.opening import open_store
from storage.rotation import Rotated
from storage.states import States
from storage.store import Store
from storage.store_file import sha256_of
from storage.store_keys import StoreKeys

__all__ = [
    "Arrival",
    "Backup",
    "Entry",
    "Event",
    "Findings",
    "Inbox",
    "InstallationPage",
    "Installations",
    "KeyEntry",
    "KeyUse",
    "Opener",
    "Progress",
    "Rotated",
    "State",
    "States",
    "Store",
    "StoreKeys",
    "Tried",
    "create_private_file",
    "event_id_of",
    "forbid_core_dumps",
    "list_backups",
    "make_backup",
    "open_store",
    "read_keyring",
    "sha256_of",
]
