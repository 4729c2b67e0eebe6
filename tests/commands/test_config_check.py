"""`latchkey config check`, run as a process."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.support.command_line import CREDENTIALS, SECRET_MARK, run
from tests.support.running import running

PUBLIC = {"LATCHKEY_SERVER_PUBLIC_URL": "http://localhost"}


@pytest.fixture
def environ(unused_addresses: dict[str, str]) -> dict[str, str]:
    """With these, the shipped defaults are correct."""
    return {**CREDENTIALS, **unused_addresses, **PUBLIC}


def test_accepts_a_valid_configuration(tmp_path: Path, environ: dict[str, str]) -> None:
    done = run(tmp_path, "config", "check", **environ)
    assert (done.returncode, done.stdout, done.stderr) == (0, "configuration OK\n", "")


def test_lists_each_fault_on_a_line_and_one_hint_for_faults_of_a_kind(
    tmp_path: Path, unused_addresses: dict[str, str]
) -> None:
    done = run(tmp_path, "config", "check", **unused_addresses, **PUBLIC)
    assert (done.returncode, done.stdout) == (78, "")
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["latchkey"] * 3 + ["hint"]


def test_finds_what_serve_and_the_doctor_would_find(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "backups").touch()
    (tmp_path / "config.toml").write_text('[listeners]\nmodules = ["no_such_module"]\n')
    (tmp_path / "config.toml").chmod(0o666)
    environ |= {"LATCHKEY_METRICS_LISTEN": environ["LATCHKEY_SERVER_LISTEN"], "SLACK_SIGNING_SECRET": SECRET_MARK}
    done = run(tmp_path, "config", "check", "--json", **environ)
    assert (done.returncode, done.stderr) == (78, "")
    codes = [fault["code"] for fault in json.loads(done.stdout)["faults"]]
    assert codes == [
        "credentials-malformed", "config-permissions", "address-unusable", "listeners-failed", "backups-unwritable",
    ]  # fmt: skip
    assert SECRET_MARK not in done.stdout


def test_json_output_is_one_document_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[log]\nlevel = 'loud'\n")
    done = run(tmp_path, "config", "check", "--json", **CREDENTIALS)
    assert (done.returncode, done.stderr) == (78, "")
    fault = {
        "code": "config-invalid",
        "where": "config.toml [log] level",
        "problem": 'expected one of debug, info, warning, error; found "loud"',
        "fix": "Correct it; docs/reference.md explains every setting.",
    }
    assert json.loads(done.stdout) == {"ok": False, "faults": [fault], "warnings": []}


def test_output_of_a_listener_module_is_not_part_of_the_json(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "talking_app.py").write_text("print('loading')\ndef register(app): print('registering')\n")
    done = run(tmp_path, "config", "check", "--json", LATCHKEY_LISTENERS_MODULES="talking_app", **environ)
    assert json.loads(done.stdout) == {"ok": True, "faults": [], "warnings": []}
    assert done.stderr == "loading\nregistering\n"


def test_a_warning_is_not_an_error(tmp_path: Path, environ: dict[str, str]) -> None:
    environ |= {"LATCHKEY_SERVER_PUBLIC_URL": "https://no-such-host.invalid", "LATCHKEY_SERVER_LISTEN": ":0"}
    done = run(tmp_path, "config", "check", **environ)
    assert (done.returncode, done.stdout) == (0, "configuration OK, 2 warnings\n")
    assert "warning: [server] listen: :0 is every address of this machine\n" in done.stderr
    assert "warning: [server] public_url: no-such-host.invalid cannot be resolved\n" in done.stderr


def test_settings_only_checks_the_values_for_another_machine(tmp_path: Path, environ: dict[str, str]) -> None:
    environ |= {
        "LATCHKEY_LISTENERS_MODULES": "no_such_module",
        "LATCHKEY_SERVER_LISTEN": "192.0.2.1:80",
        "LATCHKEY_STORAGE_PATH": "config.toml/store",
    }
    (tmp_path / "config.toml").touch()
    done = run(tmp_path, "config", "check", "--settings-only", **environ)
    assert (done.returncode, done.stdout) == (0, "configuration OK\n")
    done = run(tmp_path, "config", "check", "--settings-only", **(environ | {"SLACK_CLIENT_ID": "A1"}))
    assert done.returncode == 78
    assert "SLACK_CLIENT_ID: expected two numbers" in done.stderr


@pytest.mark.gen_test(timeout=30)
async def test_beside_the_running_server_its_port_is_only_a_warning(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        listen = f"127.0.0.1:{it.server.port}"
        environ = {**it.server.credentials, **PUBLIC, "LATCHKEY_SERVER_LISTEN": listen}
        done = await asyncio.to_thread(run, tmp_path, "config", "check", **environ)
        assert (done.returncode, done.stdout) == (0, "configuration OK, 1 warning\n")
        assert f"warning: {listen} is in use by the running server (pid {it.server.pid})\n" in done.stderr
