"""`latchkey demo --check`, run as a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def demo(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "latchkey", "demo", *arguments],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_step_passes() -> None:
    done = demo("--check", PYTHONIOENCODING="utf-8")
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    steps = len(lines) - 1
    assert steps > 15
    assert all(line.startswith("✔ ") for line in lines[:-1])
    assert lines[-1] == f"{steps} of {steps} steps passed"


def test_marks_are_words_if_the_terminal_has_no_utf8() -> None:
    done = demo("--check", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert done.stdout.startswith("ok   the server answers url_verification")


@pytest.mark.parametrize("arguments", [("--nonsense",), ("extra",), ("--port", "99999")])
def test_wrong_usage_exits_with_2(arguments: tuple[str, ...]) -> None:
    assert demo(*arguments).returncode == 2
