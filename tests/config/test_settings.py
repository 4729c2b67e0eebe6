"""Settings: their sources, types and defaults."""

import tomllib
from pathlib import Path

import msgspec
import pytest

from latchkey.config import SECTIONS, load_settings
from latchkey.errors import ConfigError
from tests.config.loading import load

ROOT = Path(__file__).resolve().parent.parent.parent


def test_shipped_file_has_every_setting_with_its_default() -> None:
    shipped = tomllib.loads((ROOT / "config.toml").read_text())
    built_in = {name: msgspec.structs.asdict(kind()) for name, kind in SECTIONS.items()}
    assert shipped == built_in


def test_shipped_file_explains_every_setting() -> None:
    lines = (ROOT / "config.toml").read_text().splitlines()
    for before, line in zip(lines, lines[1:], strict=False):
        if "=" in line and not line.startswith("#"):
            assert before.startswith("#") or "url = " in before, line


def test_precedence_is_flag_environment_file_default(tmp_path: Path) -> None:
    text = '[server]\nlisten = "127.0.0.1:1"\n[log]\nlevel = "debug"\nformat = "json"\n'
    environ = {"LATCHKEY_SERVER_LISTEN": "127.0.0.1:2", "LATCHKEY_LOG_LEVEL": "error"}
    found = load(tmp_path, text, environ, server__listen="127.0.0.1:3")
    assert (found.server.listen, found.log.level, found.log.format) == ("127.0.0.1:3", "error", "json")
    origins = found.origins
    assert [origins[name] for name in ("server.listen", "log.level", "install.page")] == [
        "--listen", "LATCHKEY_LOG_LEVEL", "default",
    ]  # fmt: skip
    assert origins["log.format"].endswith("config.toml")


def test_converts_environment_values_to_the_type_of_the_setting(tmp_path: Path) -> None:
    environ = {
        "LATCHKEY_SLACK_SCOPES": "chat:write, commands,",
        "LATCHKEY_INSTALL_PAGE": "false",
        "LATCHKEY_SERVER_DRAIN_SECONDS": "2.5",
        "SLACK_CLIENT_ID": "1.2",
    }
    found = load(tmp_path, environ=environ)
    assert found.slack.scopes == ["chat:write", "commands"]
    assert (found.install.page, found.server.drain_seconds, found.slack.client_id) == (False, 2.5, "1.2")


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    found = load(tmp_path)
    assert found.store_path == tmp_path / "data" / "store.sqlite"
    assert found.keyring_path == tmp_path / "keys" / "keyring"


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[::1]:8080", ("::1", 8080)),
        (":9", ("", 9)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_splits_an_address_into_host_and_port(tmp_path: Path, listen: str, address: tuple[str, int]) -> None:
    assert load(tmp_path, server__listen=listen).address == address


def test_missing_file_is_a_fault_only_if_it_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(None, {}, {}).server.listen == "127.0.0.1:8080"
    with pytest.raises(ConfigError, match=r"absent.toml: No such file"):
        load_settings(tmp_path / "absent.toml", {}, {})


def test_latchkey_config_names_the_file_unless_the_command_line_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, beside = tmp_path / "named.toml", tmp_path / "config.toml"
    named.write_text('[log]\nlevel = "debug"\n')
    beside.write_text('[log]\nlevel = "error"\n')
    monkeypatch.chdir(tmp_path)
    environ = {"LATCHKEY_CONFIG": str(named)}
    assert load_settings(None, environ, {}).log.level == "debug"
    assert load_settings(None, environ, {}).base == tmp_path
    assert load_settings(beside, environ, {}).log.level == "error"
    assert load_settings(None, {}, {}).log.level == "error"
    with pytest.raises(ConfigError, match="No such file"):
        load_settings(None, {"LATCHKEY_CONFIG": str(tmp_path / "gone.toml")}, {})


def test_unix_sockets_to_slack_are_a_folder_or_none(tmp_path: Path) -> None:
    assert load(tmp_path).unix_sockets_path is None
    assert load(tmp_path, '[slack]\nunix_sockets = "sockets"\n').unix_sockets_path == tmp_path / "sockets"
