"""Writes installations to a file that is encrypted with a new key, and reads it.

The file is a line that names its format, then one encrypted line for each workspace (several for a large one), then an
encrypted line with their number. Each line is bound to its number, so none can be left out, repeated or moved.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from slack_sdk.oauth.installation_store import Bot, Installation

from latchkey.errors import SourceError, UnreadableRecord
from latchkey.storage.crypto import Keyring, Sealer, create_keyring, generate_key, read_keyring
from latchkey.storage.engine import acting_as_owner_of, new_private_file
from latchkey.storage.installations.installation_codec import bot_value, installer_value
from latchkey.storage.installations.moving.incoming import Incoming, IncomingWorkspace
from latchkey.storage.installations.moving.source import Damaged
from latchkey.storage.installations.workspace_admin import InstalledWorkspace

HEADER = b"latchkey export 1\n"
MAX_INSTALLERS = 100
"""Installers in one line; a workspace with more has several lines."""
MAX_LINE_BYTES = 1 << 26
_TABLE = "export"
"""What the lines are encrypted for, in place of a table's name."""


def write_export(path: Path, key_path: Path, workspaces: Iterable[InstalledWorkspace]) -> None:
    """Create both files, readable only by their owner; raises SourceError if one of them exists.

    If anything fails, neither is left.
    """
    for taken in (path, key_path):
        with acting_as_owner_of(taken):
            if taken.exists():
                raise SourceError(f"{taken}: exists, and is never overwritten", hint="choose another name")
    if path.absolute() == key_path.absolute():
        raise SourceError(f"{path}: cannot be both the export and its key", hint="choose another name")
    keyring = Keyring((generate_key(),))
    create_keyring(key_path, keyring, time.time())
    try:
        sealer, number = Sealer(keyring), 0
        with new_private_file(path) as file:
            file.write(HEADER)
            for value in _values(workspaces):
                number += 1
                file.write(sealer.seal(_TABLE, str(number), value) + b"\n")
            file.write(sealer.seal(_TABLE, "end", number) + b"\n")
    except BaseException:
        with acting_as_owner_of(key_path):
            key_path.unlink(missing_ok=True)
        raise


class ExportSource:
    """A file that `write_export` has written."""

    kind = "an export of Latchkey"

    def __init__(self, path: Path, key_path: Path) -> None:
        """Check the whole file; raises SourceError or KeyringError."""
        self._path = path
        self._sealer = Sealer(read_keyring(key_path))
        self.advice: Sequence[str] = [f"rm {shlex.quote(str(path))}", f"shred -u {shlex.quote(str(key_path))}"]
        self._workspaces = len({(value["enterprise_id"], value["team_id"]) for value in self._lines()})

    def count(self) -> int:
        return self._workspaces

    def workspaces(self) -> Iterator[IncomingWorkspace | Damaged]:
        for value in self._lines():
            incoming = Incoming()
            if value["bot"] is not None:
                incoming.add_bot(Bot(**value["bot"]))
            for installer in value["installers"]:
                incoming.add(Installation(**installer))
            yield from incoming.workspaces()

    def close(self) -> None:
        """Nothing is open."""

    def _lines(self) -> Iterator[dict[str, Any]]:
        """Yield the workspaces; raises SourceError if a line is damaged or missing."""
        with self._path.open("rb") as file:
            number, line = 0, b""
            file.readline(len(HEADER))
            for following in iter(lambda: file.readline(MAX_LINE_BYTES), b""):
                if line:
                    number += 1
                    yield self._opened(str(number), line, number)
                line = following.removesuffix(b"\n")
            if self._opened("end", line, number + 1) != number:
                raise SourceError(f"{self._path}: some of its lines are missing", hint="export again")

    def _opened(self, name: str, line: bytes, number: int) -> Any:
        try:
            return self._sealer.open(_TABLE, name, line)
        except UnreadableRecord as error:
            raise SourceError(
                f"{self._path}, line {number + 1}: cannot be decrypted: {error.reason}",
                hint="check that the file is complete, and that --key-file names the key that was created with it",
            ) from None


def _values(workspaces: Iterable[InstalledWorkspace]) -> Iterator[dict[str, Any]]:
    for workspace in workspaces:
        installers = [installer_value(installer, None) for installer in workspace.installers]
        for start in range(0, max(len(installers), 1), MAX_INSTALLERS):
            yield {
                "enterprise_id": workspace.enterprise_id,
                "team_id": workspace.team_id,
                "bot": bot_value(workspace.bot) if workspace.bot and not start else None,
                "installers": installers[start : start + MAX_INSTALLERS],
            }
