"""The command line: help, usage errors, exit codes and output formats."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from latchkey.cli.commands import COMMANDS, cli
from latchkey.errors import ConfigError, LatchkeyError, StoreInUse
from tests.support.command_line import CLIENT_ID, CREDENTIALS, ROOT, SECRET_MARK, on_a_terminal, run


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_listed_command_exists(name: str) -> None:
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    assert command.name == name


@pytest.mark.parametrize("arguments", [("nonsense",), ("config", "nonsense"), ("config", "check", "--nonsense")])
def test_wrong_usage_is_one_line_and_a_hint_and_exits_with_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["latchkey", "hint"]


def test_server_py_has_the_usage_errors_of_serve(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "server.py", "--confg", "x"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("latchkey: no such option --confg; did you mean '--config'?\n")


@pytest.mark.parametrize("argument", ["version", "--version"])
def test_prints_the_version(tmp_path: Path, argument: str) -> None:
    done = run(tmp_path, argument)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("latchkey, version ")


def test_error_classes_carry_their_exit_codes() -> None:
    assert (LatchkeyError.exit_code, ConfigError.exit_code, StoreInUse.exit_code) == (1, 78, 4)


def test_config_show_has_every_source_in_json_and_masks_secrets(tmp_path: Path) -> None:
    done = run(tmp_path, "config", "show", "--json", "--config", str(ROOT / "config.toml"), **CREDENTIALS)
    shown = json.loads(done.stdout)
    assert shown["slack.client_id"] == {"value": CLIENT_ID, "from": "SLACK_CLIENT_ID"}
    assert shown["slack.client_secret"] == {"value": "********", "from": "SLACK_CLIENT_SECRET"}
    assert SECRET_MARK not in done.stdout


def test_config_show_is_plain_text_in_a_pipe_and_masks_secrets(tmp_path: Path) -> None:
    done = run(tmp_path, "config", "show", **CREDENTIALS)
    assert done.returncode == 0
    assert "server.listen\t127.0.0.1:8080\tdefault\n" in done.stdout
    assert "slack.signing_secret\t********\tSLACK_SIGNING_SECRET\n" in done.stdout
    assert SECRET_MARK not in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("environ", "is_colored"),
    [({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": "", "TERM": "dumb"}, False)],
)
@pytest.mark.parametrize("arguments", [("doctor", "--offline"), ("config", "show"), ("listeners",)])
def test_no_color_turns_colors_off_on_a_terminal(
    tmp_path: Path, arguments: tuple[str, ...], environ: dict[str, str], is_colored: bool
) -> None:
    _, shown = on_a_terminal(tmp_path, *arguments, **environ)
    assert len(shown.splitlines()) > 2
    assert ("\x1b[" in shown) == is_colored


def test_serve_says_on_a_terminal_how_to_stop_it(tmp_path: Path) -> None:
    ports = {"LATCHKEY_SERVER_LISTEN": "127.0.0.1:0", "LATCHKEY_METRICS_LISTEN": ""}
    code, shown = on_a_terminal(tmp_path, "serve", interrupt_at="press Ctrl-C to stop", **ports, **CREDENTIALS)
    assert code == 0
    assert "Traceback" not in shown


@pytest.mark.parametrize("columns", [40, 60, 80])
@pytest.mark.parametrize("arguments", [("config", "show"), ("listeners",)])
def test_values_are_never_cut_on_a_terminal(tmp_path: Path, arguments: tuple[str, ...], columns: int) -> None:
    in_a_pipe = run(tmp_path, *arguments)
    _, shown = on_a_terminal(tmp_path, *arguments, columns=columns)
    for line in in_a_pipe.stdout.splitlines()[1:]:
        assert all(value in shown for value in line.split("\t") if value not in ("default", "not set"))
    assert "…" not in shown


def test_prints_ascii_if_the_locale_has_no_more(tmp_path: Path) -> None:
    """Quotes, marks and dots that the encoding lacks are replaced; nothing raises an error."""
    ascii_only = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = run(tmp_path, "doctor", "--offline", LATCHKEY_LISTENERS_MODULES="no_such_module", **ascii_only)
    assert done.returncode == 1
    assert "FAIL listeners-failed" in done.stdout
    assert done.stdout.isascii()
    (tmp_path / "config.toml").write_text("[storage]\npath = 'daten/größe.sqlite'\n")
    done = run(tmp_path, "keys", "status", **ascii_only)
    assert done.returncode == 1
    assert r"gr\xf6\xdfe.sqlite" in done.stderr
    assert "Traceback" not in done.stderr


def test_reader_that_closes_the_pipe_is_no_error_message(tmp_path: Path) -> None:
    command = f"'{sys.executable}' -m latchkey config show | true"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize("environ", [{}, {"PYTHONUNBUFFERED": "1"}])
def test_output_that_cannot_be_written_is_one_line(tmp_path: Path, environ: dict[str, str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "latchkey", "config", "show"],
            cwd=tmp_path,
            env=environ,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "latchkey: No space left on device\n"
