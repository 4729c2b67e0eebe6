"""Ctrl-C at any moment of any command: no traceback, and the process ends as if by the signal."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

INTERRUPTED_IMPORT = """
import importlib.abc, os, signal, sys

class Interrupt(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == MODULE:
            os.kill(os.getpid(), signal.SIGINT)

MODULE = sys.argv.pop(1)
sys.meta_path.insert(0, Interrupt())
from latchkey.cli import main
sys.exit(main())
"""
"""Runs the command, and sends SIGINT when it imports the module that the first argument names."""


def interrupted(folder: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IMPORT, module, *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("click", ("version",)),
        ("latchkey.cli.commands", ("keys", "status")),
        ("latchkey.commands.keys.keys", ("keys", "status")),
        ("cryptography.fernet", ("backup",)),
        ("latchkey.server", ("serve",)),
        ("latchkey.simulator", ("demo",)),
    ],
)
def test_interrupt_during_an_import_prints_nothing(tmp_path: Path, module: str, arguments: tuple[str, ...]) -> None:
    done = interrupted(tmp_path, module, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


@pytest.mark.parametrize("command", ["listeners", "manifest"])
def test_interrupt_of_a_running_command_is_one_line(tmp_path: Path, command: str) -> None:
    (tmp_path / "listeners.py").write_text("import mine\n")
    (tmp_path / "config.toml").write_text("[server]\npublic_url = 'https://slack.example.com'\n")
    done = interrupted(tmp_path, "mine", command)
    assert (done.returncode, done.stdout) == (-signal.SIGINT, "")
    assert done.stderr.split("\n") == ["", "latchkey: interrupted", ""]


def test_ignored_interrupts_stay_ignored(tmp_path: Path) -> None:
    """Shells start background commands this way, and Ctrl-C is not for them."""
    code = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + INTERRUPTED_IMPORT
    done = subprocess.run(
        [sys.executable, "-c", code, "latchkey.commands.listeners", "version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
