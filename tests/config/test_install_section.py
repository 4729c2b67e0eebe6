"""The [install] section: which workspaces may be listed, and which unsigned values may be named."""

from pathlib import Path

import pytest

from tests.config.loading import faults, load


def test_workspaces_are_ids_of_workspaces_and_orgs(tmp_path: Path) -> None:
    loaded = load(tmp_path, '[install]\nworkspaces = ["T0123ABCD", "E0123ABCD"]\n')
    assert loaded.install.workspaces == ["T0123ABCD", "E0123ABCD"]
    assert load(tmp_path, environ={"LATCHKEY_INSTALL_WORKSPACES": "T1, E1"}).install.workspaces == ["T1", "E1"]


@pytest.mark.parametrize("name", ["acme", "t0123abcd", "U0123ABCD", "T", "T0123ABCD/E1", ""])
def test_another_text_is_no_workspace(tmp_path: Path, name: str) -> None:
    [fault] = faults(tmp_path, f'[install]\nworkspaces = ["T1", "{name}"]\n')
    assert "expected ids of workspaces and orgs" in fault


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ('"team"', "expected other names than team"),
        ('"values"', "expected other names than values"),
        ('"1a"', "expected names of a letter"),
        ('"a b"', "expected names of a letter"),
        (f'"{"a" * 41}"', "expected names of a letter"),
        (", ".join(f'"n{number}"' for number in range(21)), "expected at most 20 names"),
    ],
)
def test_unsigned_metadata_has_names_that_the_install_page_does_not_use(tmp_path: Path, names: str, said: str) -> None:
    [fault] = faults(tmp_path, f"[install]\nunsigned_metadata = [{names}]\n")
    assert said in fault
