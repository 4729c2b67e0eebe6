"""Key rotation: re-encrypting and verifying records, and using a changed keyring."""

from latchkey.storage.rotation.erasing import RemovalEraser
from latchkey.storage.rotation.key_admin import KeyUsers, StoreKeys
from latchkey.storage.rotation.keyring_watch import KeyringWatch
from latchkey.storage.rotation.rotate import RotationResult
from latchkey.storage.rotation.verification import (
    KeySurvey,
    KeyUse,
    ProgressCallback,
    VerificationResult,
    ignore_progress,
    key_use,
    needed_ids,
    pages,
    verify_file,
)

__all__ = [
    "KeySurvey",
    "KeyUse",
    "KeyUsers",
    "KeyringWatch",
    "ProgressCallback",
    "RemovalEraser",
    "RotationResult",
    "StoreKeys",
    "VerificationResult",
    "ignore_progress",
    "key_use",
    "needed_ids",
    "pages",
    "verify_file",
]
