"""Plain English: turns of phrase that CONTRIBUTING.md advises against do not come back."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SUFFIXES = {
    ".css",
    ".html",
    ".in",
    ".js",
    ".md",
    ".py",
    ".service",
    ".sh",
    ".socket",
    ".timer",
    ".toml",
    ".conf",
    ".yml",
    "",
}
EXEMPT = {"LICENSE", "tests/project/test_language.py"}
MARKED = re.compile(r"<!-- examples -->.*?<!-- end of examples -->", re.DOTALL)
"""The examples of the old style in CONTRIBUTING.md."""

INSTEAD = {
    r"\bwhoever\b|\bwhatsoever\b": "the process that, anyone who",
    r"\bby halves\b": "partially",
    r"\b(him|her)self\b": "itself, themselves",
    r"\bbe it\b|\bas it may be\b": "whether; or delete it",
    r"\bfor ever\b": "permanently",
    r"\bno more\b(?! than)|\bany more\b(?! than)": "no longer",
    r"\bso (?:often|many|much)\b|\bso long\b(?! as)": "the number of, the time that",
    r"\b(?:is|are|was|were|be|been|being) told\b|\btells\b(?! apart)": "returns, reports, logs, is called with",
    r"\bstands? (?:in|at|beside|above|below|there|on|by)\b": "is in, is next to",
    r"\balone\b": "only",
    r"\bwhere (?:it|there|the|a|an|no|nothing|one) (?:\w+ )?(?:is|are|has|have|was|were|fails?|lacks?|cannot|does)\b": "if, when",
    r"\bnobody_|_nobody\b|\bof_nobody\b": "a name for what the thing is",
    r"\btwins?\b|\bsisters?\b": "sync and async versions",
    r"\b(?:lends?|lent|lending)\b": "yields, releases",
    r"\bpatien(?:t|ce|tly)\b|\billness(?:es)?\b": "timeout, retrying, check",
    r"\blanes?\b|\bledgers?\b": "queue, outcomes",
    r"\bset aside\b|\bput aside\b": "failed",
    r"\bstand-in\b": "simulator, simulated, fake",
    r"\brooms? of\b|\bthe house\b|\bfront door\b": "package, project, entry point",
    r"\badministrators?\b": "operator",
}


def documents() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split(
        "\n"
    )
    names = listed[:-1] or [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if ".venv" not in path.parts]
    paths = [ROOT / name for name in names if name not in EXEMPT and not name.startswith("requirements")]
    return [path for path in paths if path.is_file() and not path.is_symlink() and path.suffix in SUFFIXES]


def readable(path: Path) -> str:
    """The text of a file without the marked examples; line numbers stay right."""
    text = path.read_text(encoding="utf-8")
    return MARKED.sub(lambda match: "\n" * match[0].count("\n"), text)


@pytest.mark.parametrize("pattern", INSTEAD)
def test_text_and_code_avoid_it(pattern: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in documents()
        for number, line in enumerate(readable(path).splitlines(), 1)
        if re.search(pattern, line, re.IGNORECASE)
    ]
    assert not found, f"write {INSTEAD[pattern]!r} instead:\n" + "\n".join(found)


def test_each_pattern_finds_an_example() -> None:
    examples = [
        "whoever opens it", "kept by halves", "the operator himself", "be it a file", "for ever", "is known no more",
        "waits so long", "the caller is told", "the reason stands above", "the bot alone", "where it is missing",
        "nobody_waits", "a twin of it", "lends a slot", "a patient client", "lanes", "it is set aside", "the stand-in",
        "the rooms of it", "the administrator",
    ]  # fmt: skip
    for pattern, example in zip(INSTEAD, examples, strict=True):
        assert re.search(pattern, example), (pattern, example)
