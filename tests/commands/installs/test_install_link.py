"""`latchkey install-link`: the link, its values and its limits."""

import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner

from latchkey.commands.installs.install_link import command
from latchkey.storage import open_store, read_keyring
from latchkey.storage.crypto import Sealer, open_values
from tests.support.command_line import run, run_json

DAY = 86400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a store, a keyring and a configuration."""
    open_store(tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring").close()
    (tmp_path / "config.toml").write_text('[server]\npublic_url = "https://slack.example.com"\n')
    return tmp_path


def query(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)


def opened(folder: Path, url: str, now: float) -> dict[str, str]:
    return open_values(Sealer(read_keyring(folder / "keys" / "keyring")), query(url)["values"][0], now)


def test_prints_only_the_link_whose_values_the_server_can_open(folder: Path) -> None:
    done = run(folder, "install-link", "--set", "tenant=42", "--set", "plan=a=b", "--team", "T0ACME")
    assert (done.returncode, done.stderr) == (0, "")
    url = done.stdout.strip()
    assert url.startswith("https://slack.example.com/slack/install?")
    assert query(url)["team"] == ["T0ACME"]
    assert opened(folder, url, time.time()) == {"tenant": "42", "plan": "a=b"}
    assert "42" not in query(url)["values"][0][:20]


def test_json_has_the_link_its_values_and_the_end_of_its_validity(folder: Path) -> None:
    document = run_json(folder, "install-link", "--set", "tenant=42", "--expires", "12h")
    assert document["values"] == {"tenant": "42"}
    assert abs(document["expires"] - time.time() - DAY / 2) < 60
    assert opened(folder, document["url"], time.time()) == {"tenant": "42"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--set"),
        (["--set", "tenant"], "expected NAME=VALUE, not 'tenant'"),
        (["--set", "a=1", "--set", "a=2"], "a is given twice"),
        (["--set", "a="], "the value of a must be 1 to 500 printable characters"),
        (["--set", "1=x"], "the name of a value must be a letter"),
        (["--set", "a=1", "--expires", "7"], "such as 30m, 12h or 7d"),
        (["--set", "a=1", "--expires", "366d"], "at most 365 days"),
        (["--set", "a=1", "--expires", "0d"], "such as 30m, 12h or 7d"),
        (["--set", "a=1", "--team", "acme"], "expected the id of a workspace"),
    ],
)
def test_a_wrong_argument_is_explained_with_exit_code_2(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
    assert done.stdout == ""


def test_without_a_keyring_the_command_fails_and_creates_none(tmp_path: Path) -> None:
    done = run(tmp_path, "install-link", "--set", "a=1")
    assert done.returncode == 1
    assert "keyring" in done.stderr
    assert not list(tmp_path.iterdir())
