"""The documents match the code."""

import re
from pathlib import Path

import pytest

from latchkey.cli.commands import COMMANDS
from latchkey.simulator.demo import INSTRUCTIONS
from latchkey.simulator.web_api import METHODS, TOKEN_METHODS
from tests.project.test_imports import MAY_IMPORT, PACKAGES
from tests.support.reference import reference

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "bench" / "README.md"])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_has_a_target(document: Path) -> None:
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


def test_simulators_methods_are_listed() -> None:
    text = (ROOT / "docs" / "simulator.md").read_text()
    listed = re.findall(r"`([a-z]+(?:\.[a-zA-Z0-9]+)+)`", text.partition("Methods: ")[2].partition("Any other")[0])
    assert listed == sorted({*METHODS, *TOKEN_METHODS})


def test_every_dependency_has_a_reason() -> None:
    reasons = (ROOT / "CONTRIBUTING.md").read_text()
    for file in ROOT.glob("requirements*.in"):
        for line in file.read_text().splitlines():
            name = re.match(r"[A-Za-z][\w.-]*", line)
            if name:
                assert f"`{name[0]}`" in reasons, f"{name[0]} of {file.name}"


def documented_packages() -> dict[str, set[str]]:
    """Return what CONTRIBUTING.md says that each package may import."""
    layout = (ROOT / "CONTRIBUTING.md").read_text().partition("## Layout")[2].partition("\n## ")[0]
    table: dict[str, set[str]] = {}
    for name, cell in re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", layout, re.MULTILINE):
        named = set(re.findall(r"`(\w+)`", cell))
        table[name] = PACKAGES - named if cell.startswith("everything") else named
    return table


def test_contributing_lists_what_each_package_may_import() -> None:
    assert documented_packages() == MAY_IMPORT


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    for name in COMMANDS:
        assert f"`./latchkey {name}" in readme, name


def test_reference_is_up_to_date() -> None:
    assert (ROOT / "docs" / "reference.md").read_text() == reference() + "\n", (
        "python -m tests.support.reference > docs/reference.md"
    )


def test_readme_shows_the_output_of_the_demo() -> None:
    printed = INSTRUCTIONS.format(server="http://localhost:8080", slack="http://localhost:8090")
    assert printed in (ROOT / "README.md").read_text()
