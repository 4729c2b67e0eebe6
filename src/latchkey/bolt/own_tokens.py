"""Which tokens a Bolt app has of its own, besides those in the store."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

from slack_sdk.oauth.installation_store import FileInstallationStore

_DEFAULT_FOLDER = ".bolt-app-installation"
"""Where Bolt keeps installations if an app names no store of its own; below the home folder."""


class OwnTokens(Enum):
    """What the app brings."""

    NONE = "none"
    TOKEN = "token"  # noqa: S105  # a name
    """A token for one workspace. It is used if the store has no installation of the workspace."""
    STORE = "installation_store"
    """An installation store. It is asked if the store has no installation of the workspace."""
    AUTHORIZE = "authorize"
    """A function `authorize`. Only that is asked, because it may refuse requests on purpose."""

    @property
    def warning(self) -> str:
        """What to tell the operator; empty if there is nothing to tell."""
        return _WARNINGS[self]


_WARNINGS = {
    OwnTokens.NONE: "",
    OwnTokens.TOKEN: "the app has a token of its own, which is used for a workspace that has not installed the app "
    "here; it is not encrypted, refreshed or backed up",
    OwnTokens.STORE: "the app has an installation_store of its own, which is used for workspaces that have not "
    "installed the app here; its tokens are not encrypted, refreshed or backed up: latchkey installs import moves them",
    OwnTokens.AUTHORIZE: "the app has an authorize function of its own, which decides about every request; its tokens "
    "are not in the store, and those in the store are not used",
}


def own_tokens_of(*, authorize: Any, is_callable: bool, token: str | None) -> OwnTokens:
    """Return what an app brings, from what its constructor has made of its arguments.

    `authorize` is Bolt's object for many workspaces, or None; `is_callable` says that a function of the author's is
    behind it.
    """
    if is_callable:
        return OwnTokens.AUTHORIZE
    store = getattr(authorize, "installation_store", None)
    if authorize is not None and store is None:
        return OwnTokens.AUTHORIZE  # a class of the author's
    if store is not None and not _is_default(store):
        return OwnTokens.STORE
    return OwnTokens.TOKEN if token else OwnTokens.NONE


def _is_default(store: object) -> bool:
    if not isinstance(store, FileInstallationStore):
        return False
    folder = Path(store.base_dir)
    return _DEFAULT_FOLDER in (folder.name, folder.parent.name)
