"""The process of one version of the app: loads it, reports the outcome, and runs the server when asked to.

It talks to `latchkey dev` through a socket, one JSON object per line. It sends `pid`, then `loaded` or `refused`; after
it has read a line, `listening` or `refused`.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import sys
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import latchkey
from latchkey.dispatch import requirements_of
from latchkey.errors import EXIT_FAILED, LatchkeyError
from latchkey.preflight import app_settings
from latchkey.server import HTTP_SOCKET, Startup, Supervisor, exit_now, prepare, serve
from latchkey.slackapi.manifest import make_manifest

_PUBLIC_URL = "https://app.example"
"""Stands for the app's public URL in the manifest, because Slack requires one with HTTPS."""


class Parent(Supervisor):
    """`latchkey dev` as the server's supervisor: it has opened the socket and waits for the server."""

    def __init__(self, listening: socket.socket, on_ready: Callable[[], None]) -> None:
        super().__init__({})
        self.sockets = {HTTP_SOCKET: [listening]}
        self._on_ready = on_ready

    def ready(self) -> None:
        self._on_ready()


def run_child(config: Path | None, listening: socket.socket, channel: socket.socket) -> NoReturn:
    """Load the app, wait for permission, and serve until SIGTERM; ends the process."""

    def send(kind: str, value: object) -> None:
        channel.sendall(json.dumps({kind: value}).encode() + b"\n")

    send("pid", os.getpid())
    # A file of bytecode is used if its source has the same size and second. Two saves may.
    sys.dont_write_bytecode = True
    try:
        startup = prepare(config, None, new_store=False, supervisor=Parent(listening, lambda: send("listening", True)))
        send("loaded", _describe(startup))
        if not channel.recv(1):
            exit_now(EXIT_FAILED)  # `latchkey dev` has ended, or has a newer version
        serve(startup, new_store=False)
    except BaseException as error:  # a module may call sys.exit()
        send("refused", _explain(error))
        exit_now(EXIT_FAILED)
    exit_now(0)


def _describe(startup: Startup) -> dict[str, Any]:
    """Return the app's manifest, notes on it, and the folders of its modules."""
    manifest, notes = make_manifest(app_settings(startup.settings, _PUBLIC_URL), requirements_of(startup.app))
    return {"manifest": manifest, "notes": notes, "folders": sorted(map(str, _app_folders(startup.settings.base)))}


def _app_folders(base: Path) -> set[Path]:
    """Return the folders of all imported modules outside of `base` that are neither installed nor Latchkey's own."""
    installed = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    others = tuple(map(str, [*installed, base, Path(latchkey.__file__).parent]))
    folders = set()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and "." not in name and not file.startswith(others):
            folders.add(Path(file).parent)
    return folders


def _explain(error: BaseException) -> str:
    """Return the error as a command prints it, and the traceback of the author's code, if it comes from there."""
    if not isinstance(error, LatchkeyError):
        return _traceback_of(error)
    lines = [line for part in error.parts for line in [*part.lines, *([f"hint: {part.hint}"] if part.hint else [])]]
    return "\n".join(lines) + ("\n" + _traceback_of(error.__cause__) if error.__cause__ else "")


def _traceback_of(error: BaseException) -> str:
    shown = traceback.TracebackException.from_exception(error)
    ours = str(Path(latchkey.__file__).parent)
    importing = str(Path(importlib.__file__).parent)
    shown.stack = traceback.StackSummary.from_list(
        [frame for frame in shown.stack if not frame.filename.startswith((ours, importing, "<frozen "))]
    )
    shown.__cause__ = shown.__context__ = None
    return "".join(shown.format()).rstrip()
