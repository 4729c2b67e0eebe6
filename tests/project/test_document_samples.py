"""The programs in the documents work as they are printed there."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.running import running

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


def sample(document: str, name: str) -> str:
    """Return the code block that begins with a comment that names this file."""
    found = re.search(rf"```\w+\n(# (?:\S*/)?{re.escape(name)}\b.*?)```", (DOCS / document).read_text(), re.DOTALL)
    assert found, f"{document} has no {name}"
    return found[1]


@pytest.mark.gen_test(timeout=30)
async def test_program_beside_the_server_posts_with_a_token_from_its_store(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        assert await it.install() == 200
        program = sample("listeners.md", "remind.py")
        for printed, real in {
            "/etc/latchkey/config.toml": str(it.server.folder / "config.toml"),
            "T0123ABCD": "T0ACME",
        }.items():
            assert printed in program
            program = program.replace(printed, real)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()
        assert it.slack.world.messages[-1].text == "Please fill in your hours."
        assert await it.status("/readyz") == 200
