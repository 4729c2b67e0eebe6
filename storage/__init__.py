"""Everything at rest: keyring, sealing, the engine, installations and states.

Rule: this folder alone knows sqlitedict, and `sealing` alone knows the
cryptography. Other rooms, and other programs, come in through `open_store`.
"""

from storage.async_installations import Installations
from storage.installations import InstallationPage
from storage.opening import open_store
from storage.states import States
from storage.store import Store

__all__ = ["InstallationPage", "Installations", "States", "Store", "open_store"]
