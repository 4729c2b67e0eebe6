"""`latchkey hooks`, run as the Slack CLI runs it: the commands from `.slack/hooks.json`, and its protocols."""

import json
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.command_line import ROOT, run

BOUNDARIES = ("--protocol=message-boundaries", "--boundary=e6b5d7")
PUBLIC = {"LATCHKEY_SERVER_PUBLIC_URL": "https://slack.example.com"}
SECRETS = {
    "SLACK_CLIENT_ID": "1.2",
    "SLACK_CLIENT_SECRET": "0" * 32,
    "SLACK_SIGNING_SECRET": "1" * 32,
    "SLACK_BOT_TOKEN": "xoxb-1",  # the CLI sets these
    "SLACK_APP_TOKEN": "xapp-1",
    "SLACK_CLI_XOXB": "xoxb-1",
    "SLACK_CLI_XAPP": "xapp-1",
}


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app whose module prints something when it is imported."""
    folder = tmp_path / "an app"
    folder.mkdir()
    (folder / "config.toml").write_text('[listeners]\nmodules = ["ours"]\n[server]\nlisten = "127.0.0.1:0"\n')
    (folder / "ours.py").write_text(
        "print('imported')\ndef register(app):\n    app.command('/greet')(lambda ack: ack())\n"
    )
    return folder


def hook(name: str, app: Path, *arguments: str) -> str:
    """Return the command of a hook as the CLI runs it: split at spaces, and given to a shell with what it appends."""
    found = json.loads(run(app, "hooks", "get-hooks", "--config", str(app / "config.toml")).stdout)
    return " ".join([*found["hooks"][name].split(), *arguments])


def shell(command: str, environ: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["sh", "-c", command],
        env={"PATH": os.environ["PATH"], **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def call(command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    with shell(command, environ) as process:
        printed, error = process.communicate(timeout=60)
    return subprocess.CompletedProcess(command, process.returncode, printed, error)


def test_the_projects_file_names_a_command_that_returns_the_hooks() -> None:
    file = json.loads((ROOT / ".slack" / "hooks.json").read_text())
    assert shlex.split(file["hooks"]["get-hooks"]) == ["./latchkey", "hooks", "get-hooks"]
    answer = json.loads(run(ROOT, "hooks", "get-hooks").stdout)
    assert set(answer["hooks"]) == {"get-manifest", "start"}
    assert answer["config"] == {
        "protocol-version": ["message-boundaries", "default"],
        "sdk-managed-connection-enabled": True,
    }


@pytest.mark.parametrize(("arguments", "around"), [((), ""), (BOUNDARIES, "e6b5d7"), (("--source", "."), "")])
def test_manifest_is_between_the_boundaries(app: Path, arguments: Sequence[str], around: str) -> None:
    done = call(hook("get-manifest", app, *arguments), **PUBLIC)
    assert done.returncode == 0, done.stderr
    line = done.stdout.rstrip("\n")
    assert line.startswith(around)
    assert line.endswith(around)
    manifest = json.loads(line.removeprefix(around).removesuffix(around))
    assert [command["command"] for command in manifest["features"]["slash_commands"]] == ["/greet"]
    assert manifest["settings"]["socket_mode_enabled"] is False
    assert manifest["settings"]["event_subscriptions"]["request_url"] == "https://slack.example.com/slack/events"
    assert "imported" in done.stderr


def test_manifest_of_an_app_that_has_no_public_url_fails_with_the_cause(app: Path) -> None:
    done = call(hook("get-manifest", app, *BOUNDARIES))
    assert (done.returncode, done.stdout) == (78, "")
    assert "public_url" in done.stderr


def test_start_runs_the_server_until_it_is_stopped(app: Path) -> None:
    with shell(hook("start", app), {"LATCHKEY_METRICS_LISTEN": "", **PUBLIC, **SECRETS}) as server:
        assert server.stderr is not None
        assert any("listening on http://127.0.0.1:" in line for line in server.stderr)
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0


def test_start_without_secrets_names_them(app: Path) -> None:
    done = call(hook("start", app), **PUBLIC)
    assert done.returncode == 78
    assert "SLACK_SIGNING_SECRET" in done.stderr
