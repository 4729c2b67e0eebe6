"""The file in which commands keep what they need to change the app at Slack: `secrets/app.json` beside config.toml.

Invariant: only its owner can read it, and it is replaced atomically. A configuration token is on disk before it is
used, and so are the credentials of a new app before they are needed.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from latchkey.errors import AppInUse, LatchkeyError
from latchkey.storage import (
    acting_as_owner_of,
    create_private_file,
    create_private_folder,
    replace_private_file,
)

NAME = "app.json"
MAX_BYTES = 1 << 22
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class AppCredentials(msgspec.Struct, frozen=True):
    """The credentials of a new app, until each is in the file from which the server reads it."""

    client_id: str
    client_secret: str
    signing_secret: str

    def __repr__(self) -> str:
        return "AppCredentials(********)"


class AppRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the commands have stored."""

    app_id: str = ""
    token: str = ""
    """The configuration token."""
    refresh_token: str = ""
    expires_at: int = 0
    """When the token expires, in Unix seconds; 0 if it is not known."""
    rotating: bool = False
    """Whether the refresh token was sent to Slack and no answer has been stored."""
    creating_since: int = 0
    """When an app was requested whose answer has not been stored, in Unix seconds; 0: there is none."""
    credentials: AppCredentials | None = None
    replacing: bool = False
    """Whether they replace those of another app."""
    applied: list[dict[str, Any]] = []
    """The manifests that may have been applied last; two if a command was stopped while it applied one."""

    def __repr__(self) -> str:
        return f"AppRecord(app_id={self.app_id!r})"


class AppFile:
    """The file while this command has its folder locked."""

    def __init__(self, path: Path, record: AppRecord) -> None:
        self.path = path
        self.record = record

    def change(self, **fields: Any) -> None:
        """Store these fields; they are on disk when the call returns."""
        record = msgspec.structs.replace(self.record, **fields)
        if record == self.record:
            return
        content = msgspec.json.encode(record)
        with acting_as_owner_of(self.path.parent):
            if self.path.exists():
                replace_private_file(self.path, content, os.stat(self.path))
            else:
                create_private_file(self.path, content)
        self.record = record


@contextmanager
def locked_app_file(folder: Path) -> Iterator[AppFile]:
    """Create this folder if it is missing, lock it, and yield its file. Raises AppInUse or LatchkeyError."""
    create_private_folder(folder)
    with acting_as_owner_of(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AppInUse(str(folder)) from None
        path = folder / NAME
        with acting_as_owner_of(folder):
            record = _read(path)
        yield AppFile(path, record)
    finally:
        os.close(descriptor)


def _read(path: Path) -> AppRecord:
    try:
        with open(path, "rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return AppRecord()
    if mode & _OTHERS:
        raise LatchkeyError(f"{path}: mode {mode:04o} lets others use the token in it", hint=f"chmod 600 {path}")
    try:
        return msgspec.json.decode(content, type=AppRecord)
    except msgspec.DecodeError:
        raise LatchkeyError(
            f"{path} is damaged",
            hint="move it away; then store a new configuration token with `latchkey setup --token`",
        ) from None
