"""The launcher: what it says when it cannot start, and that it starts from anywhere."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the launcher in a folder with a space in its name, without a `.venv`."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    for name in ("latchkey", "requirements-build.txt", "requirements.txt", "requirements-dev.txt"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def fake_python(tmp_path: Path, script: str, name: str = "python3") -> Path:
    """A folder for PATH with the ordinary tools and this in Python's place."""
    tools = tmp_path / "tools"
    tools.mkdir(exist_ok=True)
    for tool in ("sh", "dirname", "readlink", "cat", "cksum", "flock", "rm", "env", "basename", "mkdir"):
        found = shutil.which(tool)
        if found and not (tools / tool).exists():
            (tools / tool).symlink_to(found)
    path = tools / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return tools


def run(folder: Path, *arguments: str, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    environ.setdefault("PATH", os.environ["PATH"])
    return subprocess.run(
        [str(folder / "latchkey"), *arguments],
        cwd=cwd or folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_old_python_is_one_clear_line_and_what_to_do(copy: Path, tmp_path: Path) -> None:
    tools = fake_python(tmp_path, "exit 1")
    done = run(copy, "config", "check", PATH=str(tools))
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "latchkey: Python 3.11 or later is needed, and none is on PATH"
    assert "apt-get install python3" in done.stderr


def test_a_python_named_by_hand_must_be_new_enough(copy: Path, tmp_path: Path) -> None:
    tools = fake_python(tmp_path, "exit 1")
    done = run(copy, "demo", PATH=str(tools), LATCHKEY_PYTHON="python3")
    assert done.returncode == 1
    assert "LATCHKEY_PYTHON is not a Python of 3.11 or later" in done.stderr


def test_a_missing_python3_venv_is_named(copy: Path, tmp_path: Path) -> None:
    """On a fresh Debian `python3 -m venv` exists and fails."""
    tools = fake_python(tmp_path, 'case "$2" in *ensurepip*) exit 1 ;; esac; exit 0')
    done = run(copy, "demo", PATH=str(tools))
    assert done.returncode == 1
    assert done.stderr == (
        "latchkey: this Python cannot make virtual environments\nhint: apt-get install python3-venv\n"
    )


def test_it_runs_from_another_folder_and_through_a_link(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(ROOT / "latchkey")
    (tmp_path / "config.toml").write_text("[log]\nlevel = 'loud'\n")
    done = subprocess.run([str(link), "config", "check"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 78
    assert "config.toml [log] level" in done.stderr


def test_the_lock_files_name_no_host_and_hash_everything() -> None:
    for name in ("requirements-build.txt", "requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        pinned = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert all("==" in line and line.endswith("\\") for line in pinned)


def test_every_dependency_has_its_reason() -> None:
    for name in ("requirements-build.in", "requirements.in", "requirements-dev.in"):
        for line in (ROOT / name).read_text().splitlines():
            if line and not line.startswith(("#", "-", "wheel")):
                assert "#" in line, line
