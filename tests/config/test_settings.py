"""Settings: their sources, and the message for each invalid one."""

import tomllib
from pathlib import Path

import msgspec
import pytest

from latchkey.config import SECTIONS, Settings, load_settings
from latchkey.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent.parent


def load(tmp_path: Path, text: str = "", environ: dict[str, str] | None = None, **flags: str) -> Settings:
    file = tmp_path / "config.toml"
    file.write_text(text)
    return load_settings(file, environ or {}, {name.replace("__", "."): value for name, value in flags.items()})


def faults(tmp_path: Path, text: str = "", environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, environ)
    return [f"{fault.where.replace(str(tmp_path) + '/', '')}: {fault.problem}" for fault in caught.value.faults]


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


BAD = [
    ("[server]\nlisten = 5", ["config.toml [server] listen: expected `str`, got `int`"]),
    ("[server]\nlisten = '8080'", ["config.toml [server] listen: expected HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080, or unix:/path"]),
    ("[server]\nlisten = 'a:70000'", ["config.toml [server] listen: expected HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080, or unix:/path"]),
    ("[server]\npublic_url = 'http://example.com'", ["config.toml [server] public_url: expected https:// (http:// is only allowed for localhost)"]),
    ("[server]\npublic_url = 'https://example.com/slack'", ["config.toml [server] public_url: expected only scheme and host, without a path"]),
    ("[server]\npublic_url = 'example.com'", ["config.toml [server] public_url: expected a URL that starts with https:// and a host name"]),
    ("[server]\npublic_url = 'https://a:x'", ["config.toml [server] public_url: expected a URL"]),
    ("[server]\ndrain_seconds = -1", ["config.toml [server] drain_seconds: expected seconds from 0 to 300"]),
    ("[server]\nlisten = ''", ["config.toml [server] listen: expected HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080, or unix:/path"]),
    ("[server]\nlisten = 'unix:latchkey.sock'", ["config.toml [server] listen: expected unix:/ and a path of at most 107 bytes"]),
    (f"[server]\nlisten = 'unix:/{'a' * 107}'", ["config.toml [server] listen: expected unix:/ and a path of at most 107 bytes"]),
    ("[server]\nsocket_mode = '888'", ['config.toml [server] socket_mode: expected a mode of three octal digits, such as "660"']),
    ("[server]\ntrusted_proxies = ['proxy.example.com']", ['config.toml [server] trusted_proxies: expected addresses or networks, such as "127.0.0.1" or "10.1.0.0/16", or "unix"']),
    ("[server]\ntrusted_proxies = ['0.0.0.0/0']", ["config.toml [server] trusted_proxies: 0.0.0.0/0 would trust every client; name the proxy's address"]),
    ("[metrics]\nlisten = 'unix:/x'", ["config.toml [metrics] listen: expected HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080"]),
    ("[app]\nname = ''", ["config.toml [app] name: expected one line of 1 to 35 printable characters"]),
    ("[app]\nname = '" + "x" * 36 + "'", ["config.toml [app] name: expected one line of 1 to 35 printable characters"]),
    ("[app]\ndescription = '" + "x" * 141 + "'", ["config.toml [app] description: expected one line of at most 140 printable characters"]),
    ("[app]\noperator = '" + "x" * 101 + "'", ["config.toml [app] operator: expected one line of at most 100 printable characters"]),
    ("[manifest]\nname = 'Our App'", ["config.toml [manifest] name: has moved to [app] name"]),
    ("[manifest]\ndescription = 'x'", ["config.toml [manifest] description: has moved to [app] description"]),
    ("[slack]\nscopes = 'chat:write'", ["config.toml [slack] scopes: expected `array`, got `str`"]),
    ("[slack]\nscopes = ['chat write']", ['config.toml [slack] scopes: expected scopes such as "chat:write"']),
    ("[slack]\nscope = []", ["config.toml [slack] scope: unknown key (did you mean scopes?)"]),
    ("[slak]\n", ["config.toml [slak]: unknown section (did you mean slack?)"]),
    ("top = 1\n", ["config.toml [top]: unknown section"]),
    ("[event]\ndurable = true", ["config.toml [event]: unknown section (did you mean events?)"]),
    ("[events]\nmax_attempts = 0", ["config.toml [events] max_attempts: expected a number from 1 to 100"]),
    ("[events]\nordered = 'team'", ["config.toml [events] ordered: invalid enum value 'team'"]),
    ("[events]\ninbox_megabytes = 1.5", ["config.toml [events] inbox_megabytes: expected `int`, got `float`"]),
    ("[metrics]\nlisten = 'x'", ["config.toml [metrics] listen: expected HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080"]),
    ("[log]\nlevel = 'loud'", ["config.toml [log] level: invalid enum value 'loud'"]),
    ("[listeners]\nmodules = ['../x']", ["config.toml [listeners] modules: expected names of Python modules"]),
    ("[storage]\npath = ''", ["config.toml [storage] path: expected a path"]),
    ("[slack]\nclient_secret = 'sentinel'", ["config.toml [slack] client_secret: secrets are not allowed here; set SLACK_… or SLACK_…_FILE in the environment"]),
    ("[slack]\nclient_secret = sentinel", ["config.toml: is not valid TOML (at line 2, column 17)"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), BAD)
def test_fault_names_the_key_and_what_was_expected(tmp_path: Path, text: str, expected: list[str]) -> None:
    found = faults(tmp_path, text)
    assert found == expected
    assert "sentinel" not in "".join(found)


def test_lists_all_faults_at_once(tmp_path: Path) -> None:
    text = "[server]\nlisten = 5\npublc_url = 'x'\n[log]\nlevel = 'loud'\n[nonsense]\n"
    assert len(faults(tmp_path, text, {"LATCHKEY_NONSENSE": "1", "LATCHKEY_LOG_FORMAT": "xml"})) == 6


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"LATCHKEY_SERVER_LISTEM": "x"}, "LATCHKEY_SERVER_LISTEM: unknown setting (did you mean LATCHKEY_SERVER_LISTEN?)"),
        ({"LATCHKEY_SERVER_DRAIN_SECONDS": "soon"}, "LATCHKEY_SERVER_DRAIN_SECONDS: expected `float`, got `str`"),
        ({"LATCHKEY_MANIFEST_NAME": "Our App"}, "LATCHKEY_MANIFEST_NAME: has been renamed to LATCHKEY_APP_NAME"),
        ({"LATCHKEY_MANIFEST_DESCRIPTION": "x"}, "LATCHKEY_MANIFEST_DESCRIPTION: has been renamed to LATCHKEY_APP_DESCRIPTION"),
        ({"LATCHKEY_INSTALL_PAGE": "maybe"}, "LATCHKEY_INSTALL_PAGE: expected `bool`, got `str`"),
    ],
)  # fmt: skip
def test_fault_in_the_environment_names_the_variable(tmp_path: Path, environ: dict[str, str], expected: str) -> None:
    assert faults(tmp_path, environ=environ) == [expected]


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


def test_lists_all_missing_credentials_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path).require_slack()
    assert len(caught.value.faults) == 3
    environ = {"SLACK_CLIENT_ID": "1.2", "SLACK_CLIENT_SECRET": "a", "SLACK_SIGNING_SECRET": "b"}
    credentials = load(tmp_path, environ=environ).require_slack()
    assert credentials.client_id == "1.2"
    assert credentials.client_secret.reveal() == "a"
    assert [secret.reveal() for secret in credentials.signing_secrets] == ["b"]


def test_signing_secrets_are_optional_for_calls_to_slack(tmp_path: Path) -> None:
    settings = load(tmp_path, environ={"SLACK_CLIENT_ID": "1.2", "SLACK_CLIENT_SECRET": "a"})
    assert settings.require_slack(signing=False).signing_secrets == ()
    with pytest.raises(ConfigError):
        settings.require_slack()


class TestSecrets:
    def test_precedence_of_secrets_is_credential_file_environment(self, tmp_path: Path) -> None:
        credentials = tmp_path / "credentials"
        credentials.mkdir()
        (credentials / "client_secret").write_text("from-credential\n")
        (tmp_path / "client").write_text("from-file")
        (tmp_path / "signing").write_text("new\n\nold\n")
        environ = {
            "CREDENTIALS_DIRECTORY": str(credentials),
            "SLACK_CLIENT_SECRET_FILE": str(tmp_path / "client"),
            "SLACK_CLIENT_SECRET": "from-environment",
            "SLACK_SIGNING_SECRET_FILE": str(tmp_path / "signing"),
            "SLACK_SIGNING_SECRET": "x",
        }
        found = load(tmp_path, environ=environ)
        assert found.client_secret is not None
        assert found.client_secret.reveal() == "from-credential"
        assert [secret.reveal() for secret in found.signing_secrets] == ["new", "old"]
        assert found.origins["slack.client_secret"] == "credential client_secret"
        assert sorted(found.secrets) == ["from-credential", "new", "old"]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (None, "No such file"), (b"", "printable ASCII"), (b"\n\n", "printable ASCII"), (b"\xff\xfe", "short text file"),
            (b"x" * 20_000, "short text file"), (b"sentinel with spaces", "printable ASCII"), (b"senti\x07nel", "printable ASCII"),
        ],
    )  # fmt: skip
    def test_names_a_bad_secret_file_without_showing_its_content(
        self, tmp_path: Path, content: bytes | None, message: str
    ) -> None:
        path = tmp_path / "secret"
        if content is not None:
            path.write_bytes(content)
        (found,) = faults(tmp_path, environ={"SLACK_SIGNING_SECRET_FILE": str(path)})
        assert found.startswith("SLACK_SIGNING_SECRET_FILE: ")
        assert message in found
        assert "sentinel" not in found

    def test_refuses_two_client_secrets(self, tmp_path: Path) -> None:
        assert faults(tmp_path, environ={"SLACK_CLIENT_SECRET": "a\nb"}) == [
            "SLACK_CLIENT_SECRET: expected a single line"
        ]

    def test_secret_is_hidden_when_printed_or_serialised(self, tmp_path: Path) -> None:
        import pickle

        found = load(tmp_path, environ={"SLACK_CLIENT_SECRET": "sentinel"})
        secret = found.client_secret
        assert "sentinel" not in f"{secret} {secret!r} {secret:>20} {found} {[secret]}"
        with pytest.raises(TypeError):
            pickle.dumps(secret)
        with pytest.raises(TypeError):
            msgspec.json.encode(secret)
