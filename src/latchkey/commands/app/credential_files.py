"""Writes the app's credentials to the files from which the server reads them: `secrets/` beside config.toml.

Invariant: an existing file is never overwritten. If the operator asks for another app, it is renamed first.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from latchkey.commands.app.app_file import AppCredentials
from latchkey.config import Settings
from latchkey.errors import LatchkeyError
from latchkey.storage import acting_as_owner_of, create_private_file

NAMES = ("client_id", "client_secret", "signing_secret")
SHARED_FILE = 0o640
"""In the folder of an installed service, whose group may read the secrets."""


def refuse_other_sources(settings: Settings) -> None:
    """Raise LatchkeyError if a credential is set somewhere that takes precedence over the folder."""
    for name in NAMES:
        origin = settings.origins.get(f"slack.{name}", "default")
        if origin == "default" or not _is_set(settings, name) or _is_ours(settings, name, origin):
            continue
        raise LatchkeyError(
            f"{origin} sets the app's {name} already, and takes precedence over {settings.secrets_path / name}",
            hint="to change the app that it belongs to, run `latchkey manifest --apply`; to create another app, remove"
            " it there first",
        )


def existing_files(folder: Path) -> list[Path]:
    """Return the credential files that exist."""
    return [folder / name for name in NAMES if os.path.lexists(folder / name)]


def set_aside(folder: Path, credentials: AppCredentials) -> None:
    """Rename the files that hold other credentials than these, of an app that is replaced, to NAME.old."""
    with acting_as_owner_of(folder):
        for name in NAMES:
            path = folder / name
            if path.exists() and path.read_bytes() != _content(credentials, name):
                path.rename(_free_name(path))


def write_credentials(folder: Path, credentials: AppCredentials) -> list[Path]:
    """Write each credential to its file and return the paths; a file that has the same content is kept.

    Raises LatchkeyError if a file has another content.
    """
    return [_write(folder / name, _content(credentials, name)) for name in NAMES]


def _content(credentials: AppCredentials, name: str) -> bytes:
    return f"{getattr(credentials, name)}\n".encode()


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.name}.old{number or ''}") for number in count())
    return next(name for name in names if not os.path.lexists(name))


def _write(path: Path, content: bytes) -> Path:
    try:
        create_private_file(path, content)
    except FileExistsError:
        with acting_as_owner_of(path.parent):
            if path.read_bytes() != content:
                raise LatchkeyError(
                    f"{path} exists, and has another value than the new app's",
                    hint="move it away, then run the command again: it has kept the new app's credentials",
                ) from None
    _share(path)
    return path


def _share(path: Path) -> None:
    """Let the service's group read the file if root owns the folder and the group may use it."""
    folder = os.stat(path.parent)
    if os.geteuid() == 0 and folder.st_uid == 0 and folder.st_gid != 0 and folder.st_mode & stat.S_IXGRP:
        os.chown(path, 0, folder.st_gid, follow_symlinks=False)
        path.chmod(SHARED_FILE)


def _is_set(settings: Settings, name: str) -> bool:
    values = {
        "client_id": settings.slack.client_id,
        "client_secret": settings.client_secret,
        "signing_secret": settings.signing_secrets,
    }
    return bool(values[name])


def _is_ours(settings: Settings, name: str, origin: str) -> bool:
    """Whether the credential comes from the folder, also if a variable such as SLACK_CLIENT_SECRET_FILE names it."""
    path = settings.secrets_path / name
    return origin == f"{path.parent.name}/{name}" or path in _absolute(settings.secret_files)


def _absolute(paths: tuple[Path, ...]) -> Iterator[Path]:
    return (path.absolute() for path in paths)
