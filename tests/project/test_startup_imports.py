"""What the server imports before it listens: nothing that only a command or a user's listener needs."""

import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """Return the names of the modules that the server has imported before it starts."""
    code = "import sys, latchkey.server; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "slack_bolt",
        "psycopg",
        "psycopg_pool",
        "aiohttp",
        "yaml",
        "rich",
        "latchkey.slackapi.manifest",
        "latchkey.commands",
        "latchkey.doctor",
    ],
)
def test_the_server_does_not_import(imported: set[str], module: str) -> None:
    assert module not in imported
