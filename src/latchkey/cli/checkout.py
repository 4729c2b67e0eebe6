"""Commands that need a checkout of the repository: `test`, `bench`, `install-service`."""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from pathlib import Path

import click

from latchkey.config import find_checkout
from latchkey.errors import LatchkeyError

_ALIKE = 0.8
"""How similar an option is to one of ours (`difflib`) if it was misspelt, and is not one of pytest's."""

_arguments = click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
_PARALLEL = ("--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile", "--no-loadscope-reorder")
"""One process per core. The tests of a file stay together, because they may share a server or a machine."""


@click.command("test", context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@click.option("--long", is_flag=True, help="also run the slow tests: hundreds of kills, thousands of requests")
@click.option("--wheel", is_flag=True, help="also install the wheel into an empty virtual environment")
@click.option("--browser", is_flag=True, help="also open every page in Chromium and check it with axe-core")
@click.option("--boot", is_flag=True, help="also install and run the service on a Debian that is booted; needs root")
@click.option("--programs", is_flag=True, help="fail if prometheus, caddy or nginx is not installed")
@click.option(
    "--outside",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, resolve_path=True),
    help="also run the code of other projects, whose checkouts are in FOLDER as OWNER/NAME",
)
@click.argument("arguments", metavar="[PYTEST_ARGUMENT]...", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def test(context: click.Context, /, arguments: tuple[str, ...], outside: str | None, **chosen: bool) -> None:
    """Run Latchkey's own tests with pytest, on all cores. It takes a few minutes.

    All other arguments go to pytest: a file or folder, `-k WORD` for tests whose name contains a word,
    `-x` to stop at the first failure, `-n 0` for one process, as options such as `-s` need it.
    `latchkey test -- --help` lists pytest's options.
    """
    if "-h" in arguments:
        click.echo(context.get_help())
        return
    names = [f"--{name}" for name in (*chosen, "outside")]
    for argument in arguments:
        if argument.startswith("-") and get_close_matches(argument, names, 1, _ALIKE):
            raise click.NoSuchOption(argument, ctx=context)
    root = _checkout("test")
    os.chdir(root)
    ours = [f"--{name}" for name, is_chosen in chosen.items() if is_chosen]
    ours += [f"--outside={outside}"] if outside else []
    _run(sys.executable, "-m", "tests", *_PARALLEL, *ours, *arguments)


@click.command("bench", context_settings={"ignore_unknown_options": True, "help_option_names": []})
@_arguments
def bench(arguments: tuple[str, ...]) -> None:
    """Compare this server with others under load."""
    os.environ["PYTHONPATH"] = str(_checkout("bench"))
    _run(sys.executable, "-m", "bench", *arguments)


@click.command("install-service", context_settings={"ignore_unknown_options": True, "help_option_names": []})
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
