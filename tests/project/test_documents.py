"""The documents say what is so."""

import re
from pathlib import Path

import pytest

from latchkey.cli.main import COMMANDS
from latchkey.dispatch.listeners.arguments import PROVIDERS
from latchkey.simulator.demo import INSTRUCTIONS
from tests.support.reference import reference

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "bench" / "README.md"])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    text = document.read_text()
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        linked = document.parent / path if path else document
        assert linked.is_file(), target
        if anchor:
            headings = [
                re.sub(r"[^a-z0-9 -]", "", line.strip("# ").lower())
                for line in linked.read_text().splitlines()
                if line.startswith("#")
            ]
            assert anchor in [heading.replace(" ", "-") for heading in headings], target


def test_every_dependency_has_its_reason() -> None:
    reasons = (ROOT / "CONTRIBUTING.md").read_text()
    for file in ROOT.glob("requirements*.in"):
        for line in file.read_text().splitlines():
            name = re.match(r"[A-Za-z][\w.-]*", line)
            if name:
                assert f"`{name[0]}`" in reasons, f"{name[0]} of {file.name}"


def test_every_room_stands_in_the_table() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text()
    rooms = [path.parent.name + "/" for path in ROOT.glob("*/__init__.py")] + [path.name for path in ROOT.glob("*.py")]
    for room in rooms:
        assert room in ("tests/",) or f"| `{room}`" in table, room


def test_every_argument_of_a_listener_is_explained() -> None:
    text = (ROOT / "docs" / "listeners.md").read_text()
    for name in PROVIDERS:
        assert f"`{name}`" in text, name


def test_every_command_stands_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    for name in COMMANDS:
        assert f"`./latchkey {name}" in readme, name


def test_the_reference_is_what_the_code_says() -> None:
    assert (ROOT / "docs" / "reference.md").read_text() == reference() + "\n", (
        "python -m tests.support.reference > docs/reference.md"
    )


def test_the_readme_prints_what_the_demo_prints() -> None:
    printed = INSTRUCTIONS.format(server="http://localhost:8080", slack="http://localhost:8090")
    assert printed in (ROOT / "README.md").read_text()
