"""The recipes in docs/testing.md: their tests pass, as they are written."""

import re
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "testing.md"
FILES = re.compile(r"^```(?:python|toml)\n# (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_every_recipe_passes(pytester: pytest.Pytester) -> None:
    files = dict(FILES.findall(DOCUMENT.read_text()))
    for name, text in files.items():
        (pytester.path / name).write_text(text)
    tests = [name for name in files if name.startswith("test_")]
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", *tests)
    result.assert_outcomes(
        passed=sum(files[name].count("\ndef test_") + files[name].startswith("def test_") for name in tests)
    )


def test_there_are_ten_recipes() -> None:
    assert len(re.findall(r"^## \d+\. ", DOCUMENT.read_text(), re.MULTILINE)) == 10
