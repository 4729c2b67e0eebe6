"""The administrator's commands as he types them."""

import json
from pathlib import Path

import pytest

from tests.support.command_line import ROOT, run

SECRETS = {
    "SLACK_CLIENT_ID": "1.2",
    "SLACK_CLIENT_SECRET": "sentinel-client",
    "SLACK_SIGNING_SECRET": "sentinel-signing",
}


def test_a_good_configuration_is_called_good(tmp_path: Path) -> None:
    done = run(tmp_path, "config", "check", **SECRETS)
    assert (done.returncode, done.stdout, done.stderr) == (0, "the configuration is good\n", "")


def test_a_bad_configuration_is_78_with_a_line_for_each_fault_and_a_hint(tmp_path: Path) -> None:
    done = run(tmp_path, "config", "check")
    assert done.returncode == 78
    assert done.stdout == ""
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["latchkey"] * 3 + ["hint"]


def test_json_is_one_document_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[log]\nlevel = 'loud'\n")
    done = run(tmp_path, "config", "check", "--json", **SECRETS)
    assert done.returncode == 78
    assert done.stderr == ""
    assert json.loads(done.stdout) == {
        "ok": False,
        "faults": [{"where": "config.toml [log] level", "problem": "invalid enum value 'loud'"}],
    }
    done = run(tmp_path, "config", "show", "--json", "--config", str(ROOT / "config.toml"), **SECRETS)
    shown = json.loads(done.stdout)
    assert shown["slack.client_id"] == {"value": "1.2", "from": "SLACK_CLIENT_ID"}
    assert shown["slack.client_secret"] == {"value": "********", "from": "SLACK_CLIENT_SECRET"}
    assert "sentinel" not in done.stdout


def test_show_is_plain_text_in_a_pipe_and_masks_secrets(tmp_path: Path) -> None:
    done = run(tmp_path, "config", "show", **SECRETS)
    assert done.returncode == 0
    assert "server.listen\t127.0.0.1:8080\tdefault\n" in done.stdout
    assert "slack.signing_secret\t********\tSLACK_SIGNING_SECRET\n" in done.stdout
    assert "sentinel" not in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("arguments", [("nonsense",), ("config", "nonsense"), ("config", "check", "--nonsense")])
def test_what_is_not_a_command_is_2_and_says_so(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert "No such" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_names_the_other_commands(tmp_path: Path) -> None:
    done = run(tmp_path, "--help")
    assert done.returncode == 0
    for command in ("config", "serve", "demo", "test", "bench"):
        assert command in done.stdout
