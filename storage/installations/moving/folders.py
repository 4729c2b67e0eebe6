"""Reads the folders of slack_sdk's FileInstallationStore and of Bolt for JavaScript's FileInstallationStore.

Both write a folder for each workspace, with plain JSON files for the latest installation, and for each earlier one if
their history is enabled. The files' names show which of the two it was.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from latchkey.errors import SourceError
from latchkey.storage.installations.moving.incoming import Incoming, IncomingWorkspace
from latchkey.storage.installations.moving.source import Damaged, bot_of, installation_of

MAX_FILE_BYTES = 1 << 20
"""A larger file is no installation."""
_CLIENT_ID = re.compile(r"\d+\.\d+")
_NEVER = -1.0
_TIME = r"\d+(?:\.\d+)?"


class FoundFile(NamedTuple):
    """A file of a workspace's folder."""

    user_id: str | None
    """None for the bot's, which is common to all users."""
    version: float | None
    """When it was written, in Unix seconds, from its name; None for the latest one."""
    path: Path


class Layout(NamedTuple):
    """How one of the two programs names and fills its files."""

    kind: str
    name: re.Pattern[str]
    """`user` and `version` of a user's file, or `bot_version` of the bot's."""
    seconds: float
    """The unit of the versions in names."""
    is_relevant: Callable[[Mapping[str, Any]], bool]
    fields: Callable[[Mapping[str, Any], float], dict[str, Any]]
    """Returns the fields of slack_sdk's Installation, given the JSON document and when the file was written."""


def _sdk_fields(document: Mapping[str, Any], written_at: float) -> dict[str, Any]:
    return {**document, "installed_at": document.get("installed_at") or written_at}


def _bolt_js_fields(document: Mapping[str, Any], written_at: float) -> dict[str, Any]:
    """The interface Installation of @slack/oauth (packages/oauth/src/installation.ts)."""
    enterprise, team, user, bot, webhook = (
        _object(document, name) for name in ("enterprise", "team", "user", "bot", "incomingWebhook")
    )
    metadata = document.get("metadata")
    return {
        "app_id": document.get("appId"),
        "enterprise_id": enterprise.get("id"),
        "enterprise_name": enterprise.get("name"),
        "enterprise_url": document.get("enterpriseUrl"),
        "team_id": team.get("id"),
        "team_name": team.get("name"),
        "bot_token": bot.get("token"),
        "bot_id": bot.get("id"),
        "bot_user_id": bot.get("userId"),
        "bot_scopes": bot.get("scopes"),
        "bot_refresh_token": bot.get("refreshToken"),
        "bot_token_expires_at": bot.get("expiresAt"),
        "user_id": user.get("id"),
        "user_token": user.get("token"),
        "user_scopes": user.get("scopes"),
        "user_refresh_token": user.get("refreshToken"),
        "user_token_expires_at": user.get("expiresAt"),
        "incoming_webhook_url": webhook.get("url"),
        "incoming_webhook_channel": webhook.get("channel"),
        "incoming_webhook_channel_id": webhook.get("channelId"),
        "incoming_webhook_configuration_url": webhook.get("configurationUrl"),
        "is_enterprise_install": document.get("isEnterpriseInstall"),
        "token_type": document.get("tokenType"),
        "installed_at": written_at,
        "custom_values": {"metadata": metadata} if isinstance(metadata, str) and metadata else {},
    }


def _object(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    if value is not None and not isinstance(value, dict):
        raise ValueError(f"{name} is not an object")
    return value or {}


LAYOUTS = (
    Layout(
        "slack_sdk's FileInstallationStore",
        # `installer-latest` and `installer-VERSION` repeat a user's file; they stay when the user's files are deleted.
        re.compile(rf"bot-(?P<bot_version>latest|{_TIME})|installer-(?P<user>.+)-(?P<version>latest|{_TIME})"),
        1.0,
        lambda document: True,
        _sdk_fields,
    ),
    Layout(
        "Bolt for JavaScript's FileInstallationStore",
        re.compile(r"app-(?P<bot_version>latest|\d+)|user-(?P<user>.+)-(?P<version>latest|\d+)"),
        0.001,
        lambda document: document.get("authVersion") != "v1",
        _bolt_js_fields,
    ),
)


class FolderSource:
    """A folder that contains one folder for each workspace."""

    def __init__(self, path: Path, client_id: str | None) -> None:
        """Find the workspaces' folders; raises SourceError if there are none.

        `client_id`: the app, if the folder contains several.
        """
        self._path = path
        try:
            path = _folder_of_app(path, client_id)
            found = _folders(path)
        except OSError as error:
            raise SourceError(f"{error.filename}: {error.strerror}") from None
        if not found and not path.exists():
            raise SourceError(f"{self._path}: No such file or directory")
        if not found:
            raise SourceError(f"{self._path}: contains no installations", hint="name the store's own folder (base_dir)")
        kinds = {layout.kind: layout for _, layout in found}
        if len(kinds) > 1:
            raise SourceError(f"{path}: contains installations of both {' and '.join(kinds)}", hint="separate them")
        [(self.kind, self._layout)] = kinds.items()
        self._folders = sorted(folder for folder, _ in found)
        outside = [folder for folder in self._folders if self._path not in folder.parents]
        roots = [self._path, *([Path(f"{path}T*")] if outside else [])]
        self.advice: Sequence[str] = [_shred(root) for root in roots]

    def count(self) -> int:
        return len(self._folders)

    def workspaces(self) -> Iterator[IncomingWorkspace | Damaged]:
        for folder in self._folders:
            incoming = Incoming()
            yield from self._read(folder, incoming)
            yield from incoming.workspaces()

    def close(self) -> None:
        """Nothing is open."""

    def _read(self, folder: Path, incoming: Incoming) -> Iterator[Damaged]:
        """Add the folder's files, the oldest first; yield those that cannot be read."""
        try:
            files = _files(folder, self._layout)
        except OSError as error:
            yield Damaged(str(folder), str(error.strerror))
            return
        last = {file.user_id: file.version for file in files if file.version is not None}
        for file in files:
            try:
                document, changed_at = _load(file.path)
                if not self._layout.is_relevant(document):
                    yield Damaged(str(file.path), "an installation of a classic app (OAuth v1), which has other tokens")
                    continue
                version = last.get(file.user_id) if file.version is None else file.version
                fields = self._layout.fields(document, changed_at if version is None else version)
                if file.user_id is not None:
                    incoming.add(installation_of(fields))
                elif fields.get("bot_token"):
                    incoming.add_bot(bot_of(fields))
            except ValueError as error:
                yield Damaged(str(file.path), str(error))
            except OSError as error:
                yield Damaged(str(file.path), str(error.strerror))


def _folders(path: Path) -> list[tuple[Path, Layout]]:
    """Return the workspaces' folders in this one, or beside it.

    Bolt for JavaScript appends the id of a workspace without an org to the path of its folder, without a slash.
    """
    entries = list(os.scandir(path)) if path.is_dir() else []
    candidates = [Path(entry.path) for entry in entries if entry.is_dir() and not _CLIENT_ID.match(entry.name)]
    entries = list(os.scandir(path.parent))
    candidates += [Path(entry.path) for entry in entries if entry.name.startswith(f"{path.name}T") and entry.is_dir()]
    return [(folder, layout) for folder in candidates if (layout := _layout_of(folder)) is not None]


def _layout_of(folder: Path) -> Layout | None:
    with os.scandir(folder) as entries:
        for entry in entries:
            for layout in LAYOUTS:
                if layout.name.fullmatch(entry.name):
                    return layout
    return None


def _folder_of_app(path: Path, client_id: str | None) -> Path:
    """Return the folder of the app, if there is one for each app, otherwise `path`; raises SourceError."""
    names = {entry.name for entry in os.scandir(path) if entry.is_dir()} if path.is_dir() else set()
    apps = sorted({match[0] for name in names if (match := _CLIENT_ID.match(name))})
    if client_id in apps or (client_id is None and len(apps) == 1):
        return path / (client_id or apps[0])
    if apps and not _folders(path):
        named = f"not of the app {client_id}" if client_id else "of several apps"
        raise SourceError(
            f"{path}: contains installations {named}: {', '.join(apps)}", hint="choose one with --client-id"
        )
    return path


def _files(folder: Path, layout: Layout) -> list[FoundFile]:
    """Return the files to read, the oldest first, and the latest one of each user, and of the bot, last."""
    found = []
    for entry in os.scandir(folder):
        match = layout.name.fullmatch(entry.name)
        if match is not None:
            version = match["version"] or match["bot_version"]
            written = None if version == "latest" else float(version) * layout.seconds
            found.append(FoundFile(match["user"], written, Path(entry.path)))
    return sorted(found, key=lambda file: (file.version is None, file.version or _NEVER))


def _load(path: Path) -> tuple[dict[str, Any], float]:
    """Return a JSON object and when the file was changed; raises OSError or ValueError, which shows no content."""
    # O_NONBLOCK: opening a FIFO would wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
            raise ValueError("not a file with an installation")
        content = file.read(MAX_FILE_BYTES)
    try:
        return msgspec.json.decode(content, type=dict[str, Any]), status.st_mtime
    except (ValueError, RecursionError):
        raise ValueError("not a JSON object") from None


def _shred(path: Path) -> str:
    quoted = shlex.quote(str(path)) if "*" not in path.name else f"{shlex.quote(str(path.parent))}/{path.name}"
    return f"find {quoted} -type f -exec shred -u {{}} + && rm -r {quoted}"
