"""Commands that need a checkout of the repository: `test`, `bench`, `install-service`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from latchkey.config import find_checkout
from latchkey.errors import LatchkeyError

_PASS_ON = {"ignore_unknown_options": True, "help_option_names": []}
_arguments = click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
_PARALLEL = ("--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile", "--no-loadscope-reorder")
"""One process per core. The tests of a file stay together, because they may share a server or a machine."""


@click.command("test", context_settings=_PASS_ON)
@_arguments
def test(arguments: tuple[str, ...]) -> None:
    """Run Latchkey's own tests, on all cores; the arguments go to pytest.

    With `-n 0` they run in one process, as options such as `-s` need it.
    """
    root = _checkout("test")
    os.chdir(root)
    _run(sys.executable, "-m", "pytest", *_PARALLEL, *arguments)


@click.command("bench", context_settings=_PASS_ON)
@_arguments
def bench(arguments: tuple[str, ...]) -> None:
    """Compare this server with others under load."""
    os.environ["PYTHONPATH"] = str(_checkout("bench"))
    _run(sys.executable, "-m", "bench", *arguments)


@click.command("install-service", context_settings=_PASS_ON)
@_arguments
def install_service(arguments: tuple[str, ...]) -> None:
    """Install the server as a systemd service."""
    _run("/bin/sh", str(_checkout("install-service") / "systemd" / "install.sh"), *arguments)


def _checkout(command: str) -> Path:
    root = find_checkout()
    if root is None:
        raise LatchkeyError(
            f"`latchkey {command}` needs a checkout of the repository; this is an installed package",
            hint=f"clone the repository and run ./latchkey {command} there",
        )
    return root


def _run(program: str, *arguments: str) -> None:
    """Run the program in place of this process."""
    sys.stdout.flush()
    os.execv(program, [program, *arguments])  # noqa: S606  # a fixed program, no shell
