"""What is said of a configuration that cannot be used: where, what was expected, and what was found."""

import codecs
from pathlib import Path

import pytest

from tests.config.loading import faults, load

ADDRESS = "expected HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080"
BAD_VALUES = [
    ("[server] listen", "5", "expected text in quotes; found 5"),
    ("[server] listen", "'8080'", f'{ADDRESS}, or unix:/path; found "8080"'),
    ("[server] listen", "'a:70000'", f'{ADDRESS}, or unix:/path; found "a:70000"'),
    ("[server] listen", "''", f'{ADDRESS}, or unix:/path; found ""'),
    ("[server] listen", "'unix:latchkey.sock'", 'expected unix:/ and a path of at most 107 bytes; found "unix:latchkey.sock"'),
    ("[server] listen", f"'unix:/{'a/' * 54}'", f'expected unix:/ and a path of at most 107 bytes; found "unix:/{"a/" * 26}a…'),
    ("[server] public_url", "'http://example.com'", 'expected https:// (http:// is only allowed for localhost); found "http://example.com"'),
    ("[server] public_url", "'https://example.com/slack'", 'expected only scheme and host, without a path; found "https://example.com/slack"'),
    ("[server] public_url", "'example.com'", 'expected a URL that starts with https:// and a host name; found "example.com"'),
    ("[server] public_url", "'https://a:x'", 'expected a URL; found "https://a:x"'),
    ("[server] drain_seconds", "-1", "expected seconds from 0 to 300; found -1"),
    ("[server] socket_mode", "'888'", 'expected a mode of three octal digits, such as "660"; found "888"'),
    ("[server] trusted_proxies", "['proxy.example.com']", 'expected addresses, networks that end in zero bits, such as "10.1.0.0/16", or "unix"; found ["proxy.example.com"]'),
    ("[server] trusted_proxies", "['10.1.2.3/16']", 'expected addresses, networks that end in zero bits, such as "10.1.0.0/16", or "unix"; found ["10.1.2.3/16"]'),
    ("[server] trusted_proxies", "['0.0.0.0/0']", 'expected the proxies\' own addresses, since 0.0.0.0/0 would trust every client; found ["0.0.0.0/0"]'),
    ("[metrics] listen", "'unix:/x'", f'{ADDRESS}; found "unix:/x"'),
    ("[metrics] listen", "'x'", f'{ADDRESS}; found "x"'),
    ("[app] name", "''", 'expected one line of 1 to 35 printable characters; found ""'),
    ("[app] name", f"'{'x ' * 18}'", f'expected one line of 1 to 35 printable characters; found "{"x " * 18}"'),
    ("[app] description", f"'{'x ' * 71}'", f'expected one line of at most 140 printable characters; found "{"x " * 29}x…'),
    ("[app] operator", f"'{'x ' * 51}'", f'expected one line of at most 100 printable characters; found "{"x " * 29}x…'),
    ("[manifest] name", "'Our App'", "has moved to [app] name"),
    ("[manifest] description", "'x'", "has moved to [app] description"),
    ("[slack] scopes", "'chat:write'", 'expected a list of texts, such as ["a", "b"]; found "chat:write"'),
    ("[slack] scopes", "['chat write']", 'expected scopes such as "chat:write"; found ["chat write"]'),
    ("[slack] scopes", "['chat:write', 5]", 'expected a list of texts, such as ["a", "b"]; found ["chat:write", 5]'),
    ("[slack] scope", "[]", "unknown key (did you mean scopes?)"),
    ("[slack] client_id", "1234.5678", "expected text in quotes"),
    ("[install] page", "'yes'", 'expected true or false; found "yes"'),
    ("[events] max_attempts", "0", "expected a number from 1 to 100; found 0"),
    ("[events] ordered", "'team'", 'expected one of none, channel; found "team"'),
    ("[events] ordered", "'chanel'", 'expected one of none, channel; found "chanel" (did you mean channel?)'),
    ("[events] inbox_megabytes", "1.5", "expected a whole number; found 1.5"),
    ("[log] level", "'INFO'", 'expected one of debug, info, warning, error; found "INFO" (did you mean info?)'),
    ("[log] level", "1979-05-27", 'expected one of debug, info, warning, error; found "1979-05-27"'),
    ("[log] level", "{debug = true}", "expected one of debug, info, warning, error; found a section"),
    ("[listeners] modules", "['../x']", 'expected names of Python modules; found ["../x"]'),
    ("[storage] path", "''", 'expected a path; found ""'),
    ("[slack] client_secret", "'sentinel'", "secrets are not allowed here; set SLACK_… or SLACK_…_FILE in the environment"),
]  # fmt: skip


@pytest.mark.parametrize(("setting", "value", "problem"), BAD_VALUES)
def test_fault_names_the_setting_what_was_expected_and_what_was_found(
    tmp_path: Path, setting: str, value: str, problem: str
) -> None:
    section, key = setting.split()
    assert faults(tmp_path, f"{section}\n{key} = {value}") == [f"config.toml {setting}: {problem}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[slak]\n", "config.toml [slak]: unknown section (did you mean slack?)"),
        ("[event]\ndurable = true", "config.toml [event]: unknown section (did you mean events?)"),
        ("listen = 'x'\n", "config.toml listen: must be in a section, below the line [server] or [metrics]"),
        ("top = 1\n", "config.toml top: must be in a section, below the line with its [name]"),
        ("[server\nlisten = 'sentinel'", 'config.toml, line 1: missing "]"'),
        ("[log]\nlevel 'sentinel'", 'config.toml, line 2: missing "=" after the key'),
        ("[log]\nlevel = 'sentinel", "config.toml, the end: missing quote at the end of the text"),
        ('[log]\nlevel = "sentinel', "config.toml, the end: missing quote at the end of the text"),
        ('[log]\nlevel = "sentinel\n', "config.toml, line 2: a line break or control character inside quotes"),
        ("[log]\nlevel = sentinel", 'config.toml, line 2: not a value; text must be in quotes (key = "value"), true and false in lower case'),
        ("[install]\npage = True", 'config.toml, line 2: not a value; text must be in quotes (key = "value"), true and false in lower case'),
        ("[server]\nlisten = 127.0.0.1:8080", 'config.toml, line 2: more text after the value; text must be in quotes: key = "value"'),
        ("[listeners]\nmodules = ['sentinel' 'b']", 'config.toml, line 2: missing "]" at the end of the list'),
        ('[storage]\npath = "C:\\sentinel"', "config.toml, line 2: a backslash in double quotes must be doubled; in single quotes it stays as it is"),
        ("[log]\nlevel = 'info'\nlevel = 'sentinel'\n", "config.toml, line 3: the same key again; keep one of them"),
        ("[log]\n[server]\n[log]\n", "config.toml, line 3: the same section again; put all its keys under one heading"),
        ("[log]\n“level” = 1", "config.toml, line 2: not valid TOML"),
    ],
)  # fmt: skip
def test_fault_in_the_file_itself_names_the_line_and_quotes_nothing_of_it(
    tmp_path: Path, text: str, expected: str
) -> None:
    assert faults(tmp_path, text) == [expected]


@pytest.mark.parametrize("token", ["xoxb-1-sentinel", "xapp-1-sentinel", "5ec2e75ec2e75ec2e75ec2e75ec2e75e"])
def test_what_may_be_a_secret_is_never_shown(tmp_path: Path, token: str) -> None:
    found = faults(tmp_path, f"{token} = 1\n[log]\n{token} = '{token}'\nlevel = '{token}'\n[{token}x]\n")
    assert len(found) == 4
    assert token not in " ".join(found)
    assert token not in " ".join(faults(tmp_path, f"[slack]\nclient_id = ['{token}']"))


def test_shown_value_cannot_change_the_line_that_shows_it(tmp_path: Path) -> None:
    [found] = faults(tmp_path, '[log]\nlevel = "a\\u202e\\u001b[2Jé"')
    assert found.endswith(r'; found "a\u202e\u001b[2Jé"')


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", [b"", codecs.BOM_UTF8])
def test_reads_a_file_as_windows_editors_write_it(tmp_path: Path, start: bytes, end: str) -> None:
    [found] = faults(tmp_path, start + f"[log]{end}level = 'loud'{end}".encode())
    assert found.endswith('; found "loud"')


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_names_a_wrong_encoding(tmp_path: Path, encoding: str) -> None:
    assert faults(tmp_path, "[app]\nname = 'é'\n".encode(encoding)) == ["config.toml: must be UTF-8 text"]


def test_lists_all_faults_at_once(tmp_path: Path) -> None:
    text = "[server]\nlisten = 5\npublc_url = 'x'\n[log]\nlevel = 'loud'\n[nonsense]\n"
    environ = {"LATCHKEY_NONSENSE": "1", "LATCHKEY_LOG_FORMAT": "xml"}
    assert len(faults(tmp_path, text, environ)) == 6
    assert len(faults(tmp_path, text, environ, need_slack=True)) == 9


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"LATCHKEY_SERVER_LISTEM": "x"}, "LATCHKEY_SERVER_LISTEM: unknown setting (did you mean LATCHKEY_SERVER_LISTEN?)"),
        ({"LATCHKEY_SERVER_DRAIN_SECONDS": "soon"}, 'LATCHKEY_SERVER_DRAIN_SECONDS: expected a number; found "soon"'),
        ({"LATCHKEY_INSTALL_PAGE": "maybe"}, 'LATCHKEY_INSTALL_PAGE: expected true or false; found "maybe"'),
        ({"LATCHKEY_SERVER_LISTEN": '"127.0.0.1:80"'}, "LATCHKEY_SERVER_LISTEN: must not be in quotes: they have become part of the value"),
        ({"LATCHKEY_SLACK_SCOPES": "'chat:write'"}, "LATCHKEY_SLACK_SCOPES: must not be in quotes: they have become part of the value"),
        ({"LATCHKEY_MANIFEST_NAME": "Our App"}, "LATCHKEY_MANIFEST_NAME: has been renamed to LATCHKEY_APP_NAME"),
        ({"LATCHKEY_MANIFEST_DESCRIPTION": "x"}, "LATCHKEY_MANIFEST_DESCRIPTION: has been renamed to LATCHKEY_APP_DESCRIPTION"),
    ],
)  # fmt: skip
def test_fault_in_the_environment_names_the_variable(tmp_path: Path, environ: dict[str, str], expected: str) -> None:
    assert faults(tmp_path, environ=environ) == [expected]


def test_ignores_spaces_and_line_breaks_around_a_value_in_the_environment(tmp_path: Path) -> None:
    found = load(tmp_path, environ={"SLACK_CLIENT_ID": " 1.2\r\n", "LATCHKEY_LOG_LEVEL": "debug\n"})
    assert (found.slack.client_id, found.log.level) == ("1.2", "debug")
