"""Moves installations in from other programs' stores, and in and out through an encrypted file.

Invariant: a source is only read, and no token leaves this package unencrypted.
"""

from latchkey.storage.installations.moving.merging import Merged
from latchkey.storage.installations.moving.mover import ExportResult, ImportResult, InstallationMover
from latchkey.storage.installations.moving.open_source import OpenedSource, open_source
from latchkey.storage.installations.moving.source import Damaged

__all__ = ["Damaged", "ExportResult", "ImportResult", "InstallationMover", "Merged", "OpenedSource", "open_source"]
