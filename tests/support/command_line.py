"""Runs commands as an operator does."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent


def run(folder: Path, *arguments: str, typed: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command in this folder with only this environment; `typed` is its standard input."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "latchkey", *arguments],
        cwd=folder,
        env={**kept, **environ},
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )


def run_json(folder: Path, *arguments: str) -> Any:
    """Run a command with --json and return the document that it prints."""
    done = run(folder, *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)
