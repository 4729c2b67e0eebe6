"""The launcher: what it installs and when, its messages, and that it works from any folder."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LOCKS = (
    "requirements-build.txt",
    "requirements.txt",
    "requirements-postgresql.txt",
    "requirements-dev.txt",
    "requirements-browser.txt",
)
TOOLS = ("sh", "dirname", "readlink", "cat", "cksum", "flock", "rm", "env", "mkdir", "cp", "chmod", "sleep", "grep")
NEW_PYTHON = """
case "$*" in
*"-m venv"*)
    mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && cp "$0" "$4/bin/pip"
    echo "command = $0 $*" >"$4/pyvenv.cfg"
    printf '#!/bin/sh\\necho "ran $*"\\n' >"$4/bin/latchkey" && chmod +x "$4/bin/latchkey"
    echo venv >>"$LOG" ;;
*"-m pip install"*) sleep 0.05; echo "WARNING: a mirror is ignored" >&2; echo pip >>"$LOG" ;;
esac
"""
"""A Python that pretends to make a virtual environment and to install packages, and logs both."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the launcher in a folder with a space in its name, without a `.venv`."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    for name in ("latchkey", "pyproject.toml", *LOCKS):
        shutil.copy(ROOT / name, folder / name)
    return folder


def fake_python(tmp_path: Path, script: str) -> Path:
    """Return a folder for PATH that has only the basic tools and this script as `python3`."""
    tools = tmp_path / "tools"
    tools.mkdir(exist_ok=True)
    for tool in TOOLS:
        found = shutil.which(tool)
        if found and not (tools / tool).exists():
            (tools / tool).symlink_to(found)
    path = tools / "python3"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return tools


def start(folder: Path, *arguments: str, cwd: Path | None = None, **environ: str) -> subprocess.Popen[str]:
    environ.setdefault("PATH", os.environ["PATH"])
    return subprocess.Popen(
        [str(folder / "latchkey"), *arguments],
        cwd=cwd or folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = process.communicate()
    return process.returncode, output, errors


def run(folder: Path, *arguments: str, cwd: Path | None = None, **environ: str) -> tuple[int, str, str]:
    """Return the exit code, stdout and stderr."""
    return finish(start(folder, *arguments, cwd=cwd, **environ))


class TestInstalling:
    @pytest.fixture
    def environ(self, tmp_path: Path) -> dict[str, str]:
        return {"PATH": str(fake_python(tmp_path, NEW_PYTHON)), "LOG": str(tmp_path / "log")}

    def installed(self, environ: dict[str, str]) -> list[str]:
        """Return what was done since the last call."""
        path = Path(environ["LOG"])
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def test_first_run_installs_and_later_runs_do_not(self, copy: Path, environ: dict[str, str]) -> None:
        code, output, errors = run(copy, "demo", "--check", **environ)
        assert (code, output) == (0, "ran demo --check\n")
        assert errors == "latchkey: installing the locked requirements into .venv (only once, about ten seconds)\n"
        assert self.installed(environ) == ["venv", "pip", "pip", "pip"]
        assert run(copy, "demo", **environ) == (0, "ran demo\n", "")
        assert self.installed(environ) == []

    def test_tests_install_their_requirements_too(self, copy: Path, environ: dict[str, str]) -> None:
        run(copy, "serve", **environ)
        self.installed(environ)
        run(copy, "test", **environ)
        assert self.installed(environ) == ["pip"] * 5
        run(copy, "serve", **environ)
        assert self.installed(environ) == []

    @pytest.mark.parametrize("arguments", [("test", "--help"), ("bench", "compare", "-h"), ("test", "--long", "-h")])
    def test_help_needs_no_requirements_of_the_tests(
        self, copy: Path, environ: dict[str, str], arguments: tuple[str, ...]
    ) -> None:
        run(copy, "serve", **environ)
        self.installed(environ)
        assert run(copy, *arguments, **environ) == (0, f"ran {' '.join(arguments)}\n", "")
        assert self.installed(environ) == []

    def test_help_of_pytest_needs_pytest(self, copy: Path, environ: dict[str, str]) -> None:
        run(copy, "serve", **environ)
        self.installed(environ)
        run(copy, "test", "--", "--help", **environ)
        assert self.installed(environ) == ["pip"] * 5

    def test_browser_is_driven_by_packages_that_only_its_tests_install(
        self, copy: Path, environ: dict[str, str]
    ) -> None:
        run(copy, "test", **environ)
        self.installed(environ)
        run(copy, "test", "-q", "--browser", **environ)
        assert self.installed(environ) == ["pip"] * 6
        for arguments in (["test", "--browser"], ["test"], ["serve"]):
            run(copy, *arguments, **environ)
        assert self.installed(environ) == []

    @pytest.mark.parametrize(
        ("arguments", "files", "environment"),
        [
            (["serve"], {"config.toml": "[storage]\nurl = 'postgresql://db/latchkey' # ours"}, {}),
            (["serve", "--config=x y.toml"], {"x y.toml": '[storage]\nurl="postgres://db/latchkey"'}, {}),
            (
                ["keys", "status", "--config", "other/x.toml"],
                {"other/x.toml": "storage = {url = 'postgresql://db/x'}"},
                {},
            ),
            (["doctor"], {"x.toml": "[storage]\nurl = 'postgresql://db/latchkey'"}, {"LATCHKEY_CONFIG": "x.toml"}),
            (["serve"], {"secrets/storage_url": "postgresql://u:p@db/latchkey"}, {}),
            (["serve"], {"credentials/storage_url": "postgresql://u:p@db/x"}, {"CREDENTIALS_DIRECTORY": "credentials"}),
            (["serve"], {}, {"LATCHKEY_STORAGE_URL": "postgresql://u:p@db/x"}),
            (["serve"], {}, {"LATCHKEY_STORAGE_URL_FILE": "/run/secrets/url"}),
        ],
    )
    def test_the_client_of_postgresql_is_installed_if_the_store_is_in_a_database(
        self,
        copy: Path,
        environ: dict[str, str],
        arguments: list[str],
        files: dict[str, str],
        environment: dict[str, str],
    ) -> None:
        run(copy, *arguments, **environ)
        assert self.installed(environ) == ["venv", "pip", "pip", "pip"]
        for name, text in files.items():
            (copy / name).parent.mkdir(exist_ok=True)
            (copy / name).write_text(text)
        _, _, errors = run(copy, *arguments, **environ, **environment)
        assert "installing the locked requirements" in errors
        assert self.installed(environ) == ["pip"] * 4
        for later in (environment, {}):
            run(copy, *arguments, **environ, **later)
        assert self.installed(environ) == []

    @pytest.mark.parametrize(
        "text", ['# url = "postgresql://db/x"', '[storage]\nurl = ""', "success_url = 'https://a'"]
    )
    def test_it_is_not_installed_for_a_file(self, copy: Path, environ: dict[str, str], text: str) -> None:
        (copy / "config.toml").write_text(text)
        run(copy, "serve", **environ, LATCHKEY_STORAGE_URL="")
        assert self.installed(environ) == ["venv", "pip", "pip", "pip"]

    def test_a_complete_release_is_not_changed(self, copy: Path, environ: dict[str, str]) -> None:
        run(copy, "install-requirements", "serve", **environ)
        (copy / ".complete").touch()
        self.installed(environ)
        assert run(copy, "serve", **environ, LATCHKEY_STORAGE_URL="postgresql://db/x") == (0, "ran serve\n", "")
        assert self.installed(environ) == []

    @pytest.mark.parametrize("name", ["pyproject.toml", "requirements.txt"])
    def test_changed_requirements_are_installed_again(self, copy: Path, environ: dict[str, str], name: str) -> None:
        run(copy, "serve", **environ)
        self.installed(environ)
        with open(copy / name, "a") as file:
            file.write("\n# changed\n")
        run(copy, "serve", **environ)
        assert self.installed(environ) == ["pip"] * 3

    def test_moved_folder_gets_a_new_virtual_environment(self, copy: Path, environ: dict[str, str]) -> None:
        """The scripts in .venv and the editable install contain absolute paths."""
        run(copy, "serve", **environ)
        self.installed(environ)
        moved = copy.rename(copy.with_name("moved"))
        assert run(moved, "serve", **environ)[:2] == (0, "ran serve\n")
        assert self.installed(environ) == ["venv", "pip", "pip", "pip"]

    def test_two_first_runs_at_once_install_once(self, copy: Path, environ: dict[str, str]) -> None:
        runs = [start(copy, "serve", **environ) for _ in range(3)]
        assert [finish(each)[:2] for each in runs] == [(0, "ran serve\n")] * 3
        assert self.installed(environ) == ["venv", "pip", "pip", "pip"]

    def test_interrupted_installation_is_completed_by_the_next_run(self, copy: Path, environ: dict[str, str]) -> None:
        run(copy, "serve", **environ)
        self.installed(environ)
        (copy / ".venv" / ".installed-serve").unlink()
        run(copy, "serve", **environ)
        assert self.installed(environ) == ["pip"] * 3

    def test_environment_is_made_anew_if_pip_was_interrupted_while_it_changed_files(
        self, copy: Path, environ: dict[str, str]
    ) -> None:
        run(copy, "serve", **environ)
        self.installed(environ)
        log = copy / ".venv" / "pip.log"
        log.write_text("2026-11-26T00:00:00,000 Installing collected packages: tornado\n")
        run(copy, "serve", **environ)
        assert self.installed(environ) == ["venv", "pip", "pip", "pip"]
        log.write_text("2026-11-26T00:00:00,000 Collecting tornado\n")
        run(copy, "serve", **environ)
        assert self.installed(environ) == []
        assert not log.exists()

    @pytest.mark.parametrize("command", ["serve", "listeners", "manifest", "config"])
    def test_commands_that_load_the_app_install_its_packages(
        self, copy: Path, tmp_path: Path, environ: dict[str, str], command: str
    ) -> None:
        fake_python(tmp_path, f'{NEW_PYTHON}\ncase "$*" in *latchkey.packages*) echo "$*" >>"$LOG"; exit $CODE ;; esac')
        assert run(copy, command, "--config", "a file", CODE="0", **environ)[0] == 0
        expected = f"-I -m latchkey.packages {copy} {command} --config a file"
        assert self.installed(environ)[4:] == [expected]
        assert run(copy, command, CODE="1", **environ)[:2] == (1, "")
        self.installed(environ)
        # Packages that cannot be installed do not keep the operator from these.
        for other in ("doctor", "backup", "keys"):
            assert run(copy, other, CODE="1", **environ)[0] == 0
        assert self.installed(environ) == []

    def test_shows_the_output_of_pip_only_if_it_fails(self, copy: Path, tmp_path: Path) -> None:
        script = NEW_PYTHON.replace("echo pip >>", "echo 'ERROR: no space left' >&2; exit 1; echo pip >>")
        code, _, errors = run(copy, "serve", PATH=str(fake_python(tmp_path, script)), LOG=str(tmp_path / "log"))
        assert code == 1
        assert "ERROR: no space left" in errors
        assert errors.splitlines()[-1] == (
            "latchkey: could not install requirements-build.txt into .venv; pip's output is above"
        )

    @pytest.mark.parametrize("index", ["http://127.0.0.1:9/simple", ""])
    def test_unreachable_index_is_one_line_and_a_hint(self, copy: Path, tmp_path: Path, index: str) -> None:
        refused = "Failed to establish a new connection: [Errno 111] Connection refused"
        script = NEW_PYTHON.replace("echo pip >>", f"echo 'WARNING: {refused}' >&2; exit 1; echo pip >>")
        tools = fake_python(tmp_path, script)
        code, _, errors = run(copy, "serve", PATH=str(tools), LOG=str(tmp_path / "log"), PIP_INDEX_URL=index)
        assert code == 1
        _, error, hint = errors.splitlines()
        assert error == f"latchkey: nothing could be downloaded from the package index {index}".rstrip()
        assert hint.startswith("hint: check the network")

    def test_read_only_folder_is_one_line_and_a_hint(self, copy: Path, environ: dict[str, str]) -> None:
        (copy / ".venv.lock").mkdir()  # root may write to any file, so a folder is in its place
        code, _, errors = run(copy, "serve", **environ)
        assert code == 1
        assert errors.splitlines() == [
            f"latchkey: cannot write to {copy}, where the requirements must be installed",
            "hint: run it as the owner of that folder",
        ]


def test_old_python_is_one_line_and_a_hint(copy: Path, tmp_path: Path) -> None:
    tools = fake_python(tmp_path, "exit 1")
    code, _, errors = run(copy, "config", "check", PATH=str(tools))
    assert code == 1
    assert errors.splitlines()[0] == "latchkey: Python 3.11 or later is required, and none was found on PATH"
    assert "apt-get install python3" in errors


def test_python_chosen_by_the_operator_must_be_new_enough(copy: Path, tmp_path: Path) -> None:
    tools = fake_python(tmp_path, "exit 1")
    code, _, errors = run(copy, "demo", PATH=str(tools), LATCHKEY_PYTHON="python3")
    assert code == 1
    assert errors == "latchkey: LATCHKEY_PYTHON must be Python 3.11 or later: python3\n"


def test_names_the_missing_package_python3_venv(copy: Path, tmp_path: Path) -> None:
    """On a fresh Debian `python3 -m venv` exists and fails."""
    tools = fake_python(tmp_path, 'case "$2" in *ensurepip*) exit 1 ;; esac; exit 0')
    code, _, errors = run(copy, "demo", PATH=str(tools))
    assert code == 1
    assert errors == "latchkey: this Python cannot create virtual environments\nhint: apt-get install python3-venv\n"


def test_names_its_python_for_the_installer(copy: Path, tmp_path: Path) -> None:
    tools = fake_python(tmp_path, "exit 0")
    assert run(copy, "which-python", PATH=str(tools)) == (0, "python3\n", "")
    assert not (copy / ".venv").exists()


def test_runs_from_another_folder_and_through_a_link(tmp_path: Path) -> None:
    link = tmp_path / "latchkey"
    link.symlink_to(ROOT / "latchkey")
    (tmp_path / "config.toml").write_text("[log]\nlevel = 'loud'\n")
    code, _, errors = run(tmp_path, "config", "check")
    assert code == 78
    assert "config.toml [log] level" in errors


def test_lock_files_hash_every_package_and_name_no_host() -> None:
    for name in LOCKS:
        text = (ROOT / name).read_text()
        assert "://" not in text
        pinned = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert all("==" in line and line.endswith("\\") for line in pinned)


def test_every_dependency_has_a_reason() -> None:
    for name in ("requirements-build.in", "requirements.in", "requirements-postgresql.in", "requirements-dev.in"):
        for line in (ROOT / name).read_text().splitlines():
            if line and not line.startswith(("#", "-", "wheel")):
                assert "#" in line, line
