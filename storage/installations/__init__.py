"""slack_sdk's installation store on encrypted records."""

from latchkey.storage.installations.async_store import Installations
from latchkey.storage.installations.blocking_store import InstallationPage
from latchkey.storage.installations.cache import NOT_CACHED, NotCached, TokenCache, UserToken
from latchkey.storage.installations.installation_codec import bot_value, installer_value
from latchkey.storage.installations.moving import (
    Damaged,
    ExportResult,
    ImportResult,
    InstallationMover,
    Merged,
    OpenedSource,
    open_source,
)
from latchkey.storage.installations.removal import commit_with_retry
from latchkey.storage.installations.token_changes import expiry_id, expiry_of
from latchkey.storage.installations.token_id import TokenId, TokenPair, pair_in, with_pair
from latchkey.storage.installations.token_watch import TokenWatch
from latchkey.storage.installations.undos import Undo, Undos
from latchkey.storage.installations.workspace_admin import InstalledWorkspace, WorkspaceAdmin
from latchkey.storage.installations.workspace_key import WorkspaceKey, ids_in

__all__ = [
    "NOT_CACHED",
    "Damaged",
    "ExportResult",
    "ImportResult",
    "InstallationMover",
    "InstallationPage",
    "Installations",
    "InstalledWorkspace",
    "Merged",
    "NotCached",
    "OpenedSource",
    "TokenCache",
    "TokenId",
    "TokenPair",
    "TokenWatch",
    "Undo",
    "Undos",
    "UserToken",
    "WorkspaceAdmin",
    "WorkspaceKey",
    "bot_value",
    "commit_with_retry",
    "expiry_id",
    "expiry_of",
    "ids_in",
    "installer_value",
    "open_source",
    "pair_in",
    "with_pair",
]
