"""`latchkey config init`: a commented config.toml and a first listener module."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

import click

from latchkey.commands.terminal import say
from latchkey.config import shipped_config
from latchkey.errors import LatchkeyError
from latchkey.storage import acting_as_owner_of

_NEXT = """
Next:
  1. Write your listeners in {listeners}; `latchkey new NAME` adds a module.
     `latchkey dev` runs them in a simulated Slack.
  2. Set [app] name and [server] public_url in {config}.
  3. Run `latchkey setup` in this folder: it creates the app at Slack and stores its credentials.
  4. Run `latchkey config check`, then `latchkey serve`, in this folder:
       cd {folder}"""


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
def init(folder: Path) -> None:
    """Write config.toml and a first listener module into FOLDER (default: this folder).

    Existing files are never overwritten.
    """
    folder = folder.absolute()
    contents = {
        folder / "config.toml": shipped_config(),
        folder / "listeners" / "__init__.py": files(__package__).joinpath("first_listeners.py").read_text("utf-8"),
    }
    if folder.exists() and not folder.is_dir():
        raise LatchkeyError(f"{folder} is not a folder; nothing was written", hint="name another FOLDER")
    for path in contents:
        if os.path.lexists(path):
            raise LatchkeyError(f"{path} already exists; nothing was written", hint="name another FOLDER")
    try:
        with acting_as_owner_of(folder):
            for path, content in contents.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                _write(path, content)
                click.echo(f"wrote {path}")
    except OSError as error:
        raise LatchkeyError(f"cannot write {error.filename or folder}: {error.strerror}") from None
    config, listeners = contents
    say(_NEXT.format(folder=folder, config=config.name, listeners=listeners.relative_to(folder)))


def _write(path: Path, content: str) -> None:
    # At most 0644, whatever the umask: others must not change the configuration.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w", encoding="utf-8") as file:
        file.write(content)
