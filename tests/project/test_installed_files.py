"""Which files of a checkout `install-service` installs: the product's own, and nothing private."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
NOT_INSTALLED = ("tests/", "bench/", ".ci/", ".slack/", ".gitignore", "CONTRIBUTING.md", "MANIFEST.in")
DEVELOPMENT = ("requirements-browser", "requirements-dev", "requirements-build.in")
PRIVATE = [
    ".env", ".env.local", "secrets/client_secret", "client_secret", "keyring", "keys/keyring", "data/store.sqlite",
    "data/store.sqlite-wal", "backups/2026-11-25T095107Z/store.sqlite", "config.toml.bak", "id_rsa", "notes.md", ".git/config",
    "handlers/.env", "storage/store.sqlite", "storage/keyring", "src/latchkey/keyring", "src/latchkey/config/secrets.toml",
    "src/.env", "systemd/client_secret", "listeners/token.txt", "listeners/.env", "docs/private.txt", "tests/secret.py",
    "latchkey.egg-info/PKG-INFO", "src/latchkey/__pycache__/secret.py", ".venv/secret.py",
]  # fmt: skip


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the repository without git, as after unpacking a tarball, and beside them files that are not ours."""
    folder: Path = tmp_path_factory.mktemp("latchkey")
    for name in repository():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    for name in PRIVATE:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("private\n")
        path.chmod(0o600)
    (folder / "storage" / "link.py").symlink_to("/etc/shadow")
    return folder


@pytest.fixture
def private_listener(tarball: Path) -> Iterator[Path]:
    path = tarball / "listeners" / "private.py"
    path.write_text("TOKEN = 'x'\n")
    path.chmod(0o600)
    yield path
    path.unlink()


def repository() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


def shell(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    script = f'set -eu; source=$1; . "$1/systemd/steps.sh"; . "$1/systemd/release.sh"; {code}'
    return subprocess.run(["sh", "-c", script, "sh", str(folder)], capture_output=True, text=True, check=False)


def installed(folder: Path) -> list[str]:
    done = shell(folder, "listed_files")
    assert done.returncode == 0, done.stderr
    return sorted(name.removeprefix("./") for name in done.stdout.split("\0") if name)


pytestmark = pytest.mark.programs("git")


def test_installs_the_repositorys_files_and_no_others(tarball: Path) -> None:
    expected = [name for name in repository() if not name.startswith((*NOT_INSTALLED, *DEVELOPMENT))]
    assert installed(tarball) == sorted(expected), "add it to FILES in systemd/release.sh, or to the lists in this test"
    assert shell(tarball, "check_files").stdout == ""


def test_files_beside_them_do_not_change_the_release(tarball: Path) -> None:
    before = shell(tarball, "release_id").stdout
    (tarball / ".env").write_text("changed\n")
    assert shell(tarball, "release_id").stdout == before
    readme = tarball / "README.md"
    content = readme.read_text()
    readme.write_text(content + "changed\n")
    assert shell(tarball, "release_id").stdout != before
    readme.write_text(content)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.toml", "[storage]\nurl = 'postgresql://db/latchkey'\n"),
        ("secrets/storage_url", "postgresql://u:p@db/latchkey\n"),
        ("environment", "LATCHKEY_STORAGE_URL=postgresql://u:p@db/latchkey\n"),
        ("environment", 'LATCHKEY_STORAGE_URL_FILE="/etc/latchkey/secrets/url"\n'),
    ],
)
def test_a_store_in_postgresql_makes_another_release(tarball: Path, tmp_path: Path, name: str, text: str) -> None:
    """One that contains psycopg, so that an upgrade and a rollback find it."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "config.toml").write_text("[storage]\nurl = ''\n")
    (tmp_path / "environment").write_text("LATCHKEY_STORAGE_URL=\n")
    code = f"etc={tmp_path}; purpose; release_id"
    purpose, before = shell(tarball, code).stdout.split()
    assert purpose == "serve"
    (tmp_path / name).write_text(text)
    purpose, after = shell(tarball, code).stdout.split()
    assert (purpose, after != before) == ("postgresql", True)


def test_installs_a_listener_of_the_users(tarball: Path) -> None:
    path = tarball / "listeners" / "own.py"
    path.write_text("")
    assert "listeners/own.py" in installed(tarball)
    path.unlink()


def test_does_not_install_a_private_listener_and_says_so(tarball: Path, private_listener: Path) -> None:
    assert "listeners/private.py" not in installed(tarball)
    assert shell(tarball, "check_files").stdout == f"not installed, because others cannot read it: {private_listener}\n"


def test_installs_everything_listed_from_a_checkout_that_is_private_as_a_whole(
    tarball: Path, private_listener: Path
) -> None:
    (tarball / "latchkey").chmod(0o700)
    assert "listeners/private.py" in installed(tarball)
    assert shell(tarball, "check_files").stdout == ""
    (tarball / "latchkey").chmod(0o755)


@pytest.mark.parametrize(("change", "said"), [
    (lambda path: path.rename(path.with_name("away")), "incomplete: config.toml is missing"),
    (lambda path: path.chmod(0o600), "config.toml, so it is not installed"),
])  # fmt: skip
def test_refuses_a_checkout_without_a_listed_file(tarball: Path, change: object, said: str) -> None:
    path = tarball / "config.toml"
    content = path.read_bytes()
    change(path)  # type: ignore[operator]
    done = shell(tarball, "check_files")
    assert done.returncode == 1
    assert said in done.stderr
    assert "hint: " in done.stderr
    path.write_bytes(content)
    path.chmod(0o644)
    (tarball / "away").unlink(missing_ok=True)
