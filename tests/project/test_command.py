"""systemd/command.sh, the command of an installed service: it uses the service's environment."""

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent.parent / "systemd" / "command.sh"


def environment_of(folder: Path, file: str | None, **environ: str) -> dict[str, str]:
    """Return the environment in which the script runs the program, with this text in the service's file."""
    program = folder / "latchkey"
    program.write_text("#!/bin/sh\nexec env -0\n")
    program.chmod(0o755)
    (folder / "etc").mkdir()
    if file is not None:
        (folder / "etc" / "environment").write_text(file)
    text = SCRIPT.read_text().replace("/opt/latchkey/current/latchkey", str(program))
    script = folder / "command"
    script.write_text(text.replace("/etc/latchkey", str(folder / "etc")))
    done = subprocess.run(
        ["sh", script, "doctor"], env={"PATH": "/usr/bin:/bin", **environ}, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return dict(item.split("=", 1) for item in done.stdout.split("\0") if item)


def test_uses_the_settings_and_the_proxy_of_the_service(tmp_path: Path) -> None:
    file = (
        '# a comment\n; another\n\nHTTPS_PROXY=http://user:p%40ss@proxy:3128\nno_proxy=".a, .b"\n'
        "LATCHKEY_LOG_LEVEL='debug'\nPATH=/nowhere\nLD_PRELOAD=x\nLATCHKEY_$(id)=x\nnonsense\nLATCHKEY_EVENTS_DURABLE=false"
    )  # fmt: skip
    found = environment_of(tmp_path, file)
    assert found["HTTPS_PROXY"] == "http://user:p%40ss@proxy:3128"
    assert found["no_proxy"] == ".a, .b"
    assert (found["LATCHKEY_LOG_LEVEL"], found["LATCHKEY_EVENTS_DURABLE"]) == ("debug", "false")
    assert found["PATH"] == "/usr/bin:/bin"
    assert not [name for name in found if name in ("LD_PRELOAD", "nonsense", "name", "value", "line") or "$" in name]


@pytest.mark.parametrize("value", ["http://mine:3128", ""])
def test_a_variable_that_is_set_already_is_kept(tmp_path: Path, value: str) -> None:
    assert environment_of(tmp_path, "HTTPS_PROXY=http://theirs:3128\n", HTTPS_PROXY=value)["HTTPS_PROXY"] == value


def test_works_without_the_file(tmp_path: Path) -> None:
    assert environment_of(tmp_path, None)["LATCHKEY_CONFIG"] == str(tmp_path / "etc" / "config.toml")
