"""Key rotation: re-encrypting, verifying, and noticing a changed keyring."""

from latchkey.storage.rotation.key_admin import StoreKeys
from latchkey.storage.rotation.key_survey import KeySurvey
from latchkey.storage.rotation.keyring_watch import KeyringWatch
from latchkey.storage.rotation.rotate import Rotated
from latchkey.storage.rotation.verification import Findings, KeyUse, key_use, needed_ids

__all__ = ["Findings", "KeySurvey", "KeyUse", "KeyringWatch", "Rotated", "StoreKeys", "key_use", "needed_ids"]
