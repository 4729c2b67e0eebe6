"""The release: what the wheel contains, and that it works in an empty virtual environment."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from latchkey import __version__

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "src" / "latchkey"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel."""
    folder = tmp_path_factory.mktemp("release")
    subprocess.run([str(ROOT / ".ci" / "build"), str(folder)], check=True)
    assert sorted(path.name for path in folder.iterdir()) == [
        f"latchkey-{__version__}-py3-none-any.whl",
        f"latchkey-{__version__}.tar.gz",
    ]
    return folder


def package_files() -> set[str]:
    """Every file of the package, links followed, as a path below `src`."""
    found: set[str] = set()
    for folder, folders, names in os.walk(PACKAGE, followlinks=True):
        folders[:] = [name for name in folders if name != "__pycache__"]
        found |= {str((Path(folder) / name).relative_to(PACKAGE.parent)) for name in names}
    return found


def test_wheel_contains_the_whole_package_and_nothing_else(release: Path) -> None:
    with zipfile.ZipFile(next(release.glob("*.whl"))) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        assert wheel.read("latchkey/config/config.toml") == (ROOT / "config.toml").read_bytes()
    assert names == package_files()
    assert {"latchkey/py.typed", "latchkey/handlers/routes.py", "latchkey/storage/opening/stores.py"} <= names


def test_only_the_extra_postgresql_requires_the_client_of_postgresql(release: Path) -> None:
    with zipfile.ZipFile(next(release.glob("*.whl"))) as wheel:
        metadata = wheel.read(f"latchkey-{__version__}.dist-info/METADATA").decode()
    required = re.findall(r"^Requires-Dist: (.*)$", metadata, re.MULTILINE)
    assert [line.partition("; ")[2] for line in required if "psycopg" in line] == ['extra == "postgresql"'] * 2
    assert [line for line in required if "extra ==" in line and "psycopg" not in line] == []


def test_sdist_contains_files_and_no_links(release: Path) -> None:
    with tarfile.open(next(release.glob("*.tar.gz"))) as sdist:
        members = sdist.getmembers()
    assert all(member.isfile() or member.isdir() for member in members)
    names = {member.name.partition("/")[2] for member in members}
    assert {f"src/{name}" for name in package_files()} | {
        "requirements.in",
        "requirements-postgresql.in",
        "LICENSE",
    } <= names
    assert not any(name.startswith(("tests", "bench", "handlers", "storage")) for name in names)


@pytest.fixture(scope="module")
def environment(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel and the locked requirements."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    for name in ("requirements-build.txt", "requirements.txt"):
        pip(venv, "--require-hashes", "-r", str(ROOT / name))
    pip(venv, "--no-deps", "--no-index", str(next(release.glob("*.whl"))))
    return venv


@pytest.mark.wheel
class TestInstalled:
    """The commands of an installed wheel, run in an empty folder outside the checkout."""

    def test_demo_check_passes(self, environment: Path, tmp_path: Path) -> None:
        done = latchkey(environment, tmp_path, "demo", "--check")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "steps passed" in done.stdout

    def test_prints_the_version(self, environment: Path, tmp_path: Path) -> None:
        for argument in ("version", "--version"):
            assert latchkey(environment, tmp_path, argument).stdout == f"latchkey, version {__version__}\n"

    def test_serve_in_an_empty_folder_names_config_init(self, environment: Path, tmp_path: Path) -> None:
        done = latchkey(environment, tmp_path, "serve")
        assert done.returncode == 78
        assert "latchkey config init" in done.stderr

    def test_config_init_makes_a_folder_that_works(self, environment: Path, tmp_path: Path) -> None:
        assert latchkey(environment, tmp_path, "config", "init").returncode == 0
        public = {"LATCHKEY_SERVER_PUBLIC_URL": "https://slack.example.com"}
        done = latchkey(environment, tmp_path, "manifest", **public)
        assert done.returncode == 0, done.stderr
        assert "/hello" in done.stdout

    @pytest.mark.parametrize("command", ["test", "bench", "install-service"])
    def test_commands_of_a_checkout_say_so(self, environment: Path, tmp_path: Path, command: str) -> None:
        done = latchkey(environment, tmp_path, command)
        assert done.returncode == 1
        error, hint = done.stderr.splitlines()
        assert error.startswith(f"latchkey: `latchkey {command}` needs a checkout")
        assert hint.startswith("hint: ")

    def test_sdist_can_be_installed(self, environment: Path, release: Path, tmp_path: Path) -> None:
        pip(environment, "--force-reinstall", "--no-deps", "--no-index", str(next(release.glob("*.tar.gz"))))
        assert latchkey(environment, tmp_path, "--help").returncode == 0


def pip(venv: Path, *arguments: str) -> None:
    done = subprocess.run(
        [str(venv / "bin" / "pip"), "install", "--quiet", "--no-build-isolation", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def latchkey(venv: Path, folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(venv / "bin" / "latchkey"), *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
