"""Writes docs/compatibility.md: one section for each harness, which replaces only its own."""

import fcntl
import re
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "compatibility.md"


def write_section(name: str, title: str, lines: list[str]) -> None:
    """Replace the section with this name, or add it at the end. Several processes may write at once."""
    text = "\n".join([f"<!-- {name} -->", f"## {title}", "", *lines, f"<!-- end of {name} -->"])
    with PAGE.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        page = file.read()
        pattern = re.compile(rf"<!-- {name} -->.*<!-- end of {name} -->", re.DOTALL)
        page = pattern.sub(lambda _: text, page) if pattern.search(page) else f"{page.rstrip()}\n\n{text}\n"
        file.seek(0)
        file.truncate()
        file.write(page)


def table(header: list[str], rows: list[list[object]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines]
