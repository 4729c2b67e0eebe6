"""Runs the tests of another project in a pytest of their own, with a plugin that puts the product in the place of its code."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

SUBSTITUTES = Path(__file__).resolve().parent / "substitutes"
RUN_TIMEOUT = 1200.0
LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"
"""Bolt's tests look for lines of the log in this form."""
_REFUSALS = ("[bolt]", "only Bolt has ")
"""One of them is in each message about a feature that the product refuses."""


@dataclass(frozen=True)
class Outcome:
    """How one test ended; `error` is empty if it passed."""

    test: str
    error: str

    @property
    def is_refused(self) -> bool:
        """Whether the product refused a feature with a message that names what to use instead."""
        return any(text in self.error for text in _REFUSALS)


def run_tests(tests: Path, paths: list[str], plugin: str, mode: str) -> list[Outcome]:
    """Run `paths` below another project's folder `tests`; return one outcome for each test."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tests").symlink_to(tests)
        (folder / "logs").mkdir()
        outcomes = folder / "outcomes"
        outcomes.touch()
        environment = {
            **os.environ,
            "OUTSIDE_MODE": mode,
            "OUTSIDE_OUTCOMES": str(outcomes),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": f"{SUBSTITUTES}:{folder}",
        }
        command = [sys.executable, "-P", "-m", "pytest", "-c", os.devnull, "--rootdir", name, "-q", "-p", plugin]
        command += ["-o", f"log_format={LOG_FORMAT}"]
        run = subprocess.run(
            [*command, "-p", "no:cacheprovider", *(f"tests/{path}" for path in paths)],
            check=False,  # failed tests are outcomes
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT,
        )
        lines = [json.loads(line) for line in outcomes.read_text().splitlines()]
    assert lines, run.stdout[-3000:] + run.stderr[-3000:]
    errors: dict[str, str] = {}
    for line in lines:  # a test may fail in its set-up and in itself
        errors[line["test"]] = errors.get(line["test"]) or line["error"]
    return [Outcome(test, error) for test, error in sorted(errors.items())]
