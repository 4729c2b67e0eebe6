"""The command line: help, usage errors, exit codes and output formats."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from latchkey.cli.main import COMMANDS, cli
from latchkey.errors import ConfigError, LatchkeyError, StoreInUse
from tests.support.command_line import CLIENT_ID, CREDENTIALS, ROOT, SECRET_MARK, run


def test_help_lists_every_command_on_one_full_line(tmp_path: Path) -> None:
    done = run(tmp_path, "--help", COLUMNS="80")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    for name, entry in COMMANDS.items():
        assert f"{name} {entry.summary}" in lines
    assert "…" not in done.stdout
    assert "..." not in done.stdout.replace("[ARGS]...", "")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_listed_command_exists(name: str) -> None:
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    assert command.name == name


@pytest.mark.parametrize("arguments", [("serve",), ("demo",), ("keys", "rotate"), ("config", "init"), ("manifest",)])
def test_help_and_usage_errors_name_the_command_latchkey(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    path = " ".join(arguments)
    assert run(tmp_path, *arguments, "--help").stdout.startswith(f"Usage: latchkey {path} ")
    done = run(tmp_path, *arguments, "--nonsense")
    assert done.returncode == 2
    assert done.stderr.startswith(f"Usage: latchkey {path} ")


@pytest.mark.parametrize("arguments", [("nonsense",), ("config", "nonsense"), ("config", "check", "--nonsense")])
def test_unknown_command_or_option_exits_with_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert "No such" in done.stderr
    assert "Traceback" not in done.stderr


def test_suggests_the_command_that_was_meant(tmp_path: Path) -> None:
    assert "Did you mean 'serve'?" in run(tmp_path, "sevre").stderr


@pytest.mark.parametrize("argument", ["version", "--version"])
def test_prints_the_version(tmp_path: Path, argument: str) -> None:
    done = run(tmp_path, argument)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("latchkey, version ")


def test_error_classes_carry_their_exit_codes() -> None:
    assert (LatchkeyError.exit_code, ConfigError.exit_code, StoreInUse.exit_code) == (1, 78, 4)


def test_accepts_a_valid_configuration(tmp_path: Path) -> None:
    done = run(tmp_path, "config", "check", **CREDENTIALS)
    assert (done.returncode, done.stdout, done.stderr) == (0, "configuration OK\n", "")


def test_invalid_configuration_exits_with_78_and_prints_each_fault_and_a_hint(tmp_path: Path) -> None:
    done = run(tmp_path, "config", "check")
    assert done.returncode == 78
    assert done.stdout == ""
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["latchkey"] * 3 + ["hint"]


def test_json_output_is_one_document_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[log]\nlevel = 'loud'\n")
    done = run(tmp_path, "config", "check", "--json", **CREDENTIALS)
    assert done.returncode == 78
    assert done.stderr == ""
    assert json.loads(done.stdout) == {
        "ok": False,
        "faults": [
            {
                "where": "config.toml [log] level",
                "problem": 'expected one of debug, info, warning, error; found "loud"',
            }
        ],
    }
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


@pytest.mark.parametrize(("environ", "is_colored"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_no_color_turns_colors_off_on_a_terminal(tmp_path: Path, environ: dict[str, str], is_colored: bool) -> None:
    ours, theirs = os.openpty()
    subprocess.run(
        [sys.executable, "-m", "latchkey", "doctor", "--offline"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "TERM": "xterm", **environ},
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    os.close(theirs)
    printed = os.read(ours, 1 << 16)
    os.close(ours)
    assert b"slack-not-configured" in printed
    assert (b"\x1b[" in printed) == is_colored
