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


@pytest.mark.parametrize(
    ("key", "path", "said"),
    [
        ("path", "slack/install", "expected a path such as"),
        ("path", "/a b", "expected a path such as"),
        ("path", "//host/x", "expected a path such as"),
        ("path", "/x?y", "expected a path such as"),
        ("path", "/" + "x" * 200, "expected a path such as"),
        ("path", "/slack/events", "the server uses /slack/events itself"),
        ("path", "/slack/oauth_redirect", "the server uses /slack/oauth_redirect itself"),
        ("callback_path", "/slack/install", "the server uses /slack/install itself"),
        ("callback_path", "/", "expected a path such as"),
    ],
)
def test_paths_of_the_install_flow_are_paths_that_nothing_else_uses(
    tmp_path: Path, key: str, path: str, said: str
) -> None:
    [fault] = faults(tmp_path, f'[install]\n{key} = "{path}"\n')
    assert said in fault


def test_paths_of_the_install_flow_may_be_those_of_a_bolt_app(tmp_path: Path) -> None:
    install = load(tmp_path, '[install]\npath = "/"\ncallback_path = "/slack/oauth_redirect"\n').install
    assert (install.path, install.callback_path, install.state_seconds) == ("/", "/slack/oauth_redirect", 600)


@pytest.mark.parametrize("seconds", [59, 86_401])
def test_an_install_has_a_minute_to_a_day(tmp_path: Path, seconds: int) -> None:
    [fault] = faults(tmp_path, f"[install]\nstate_seconds = {seconds}\n")
    assert "expected a number from 60 to 86400" in fault
