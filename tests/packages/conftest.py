"""A virtual environment with Latchkey's locked packages, an app's folder, and a folder of wheels instead of an index."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.packages.wheels import write_wheel

ROOT = Path(__file__).resolve().parent.parent.parent
LOCK_FILES = (
    "requirements-build.txt",
    "requirements.txt",
    "requirements-postgresql.txt",
    "requirements-dev.txt",
    "requirements-browser.txt",
)


class AppFolder:
    """An app's folder, and the environment into which the launcher would install its packages."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.app, self.checkout, self.environment = folder / "app", folder / "checkout", folder / "checkout" / ".venv"
        self.wheels = wheels
        self.checkout.mkdir()
        for name in LOCK_FILES:
            shutil.copy(ROOT / name, self.checkout / name)
        self.app.mkdir()
        (self.app / "config.toml").write_text("")
        self.make_environment()

    def make_environment(self) -> None:
        """Make it anew, as the launcher does. The locked packages are those of this process."""
        venv.create(self.environment, clear=True, with_pip=False)
        (self.site_packages / "locked.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT / 'src'}\n")

    @property
    def site_packages(self) -> Path:
        return next(self.environment.glob("lib/python*/site-packages"))

    @property
    def pip_log(self) -> Path:
        return self.environment / "pip.log"

    def write(self, text: str, name: str = "requirements.txt") -> None:
        path = self.app / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """Start the launcher's installation for the command `serve --config …`."""
        command = [
            str(self.environment / "bin" / "python"),
            "-I",
            "-m",
            "latchkey.packages",
            str(self.checkout),
            "serve",
        ]
        given = arguments or ("--config", str(self.app / "config.toml"))
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "LATCHKEY_"))}
        index = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels), **environ}
        return subprocess.Popen(
            [*command, *given],
            env={**outside, **{name: value for name, value in index.items() if value}},
            cwd=self.app,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def install(self, *arguments: str, **environ: str) -> tuple[int, list[str]]:
        """Return the exit code and the lines on standard error."""
        process = self.start(*arguments, **environ)
        output, errors = process.communicate()
        assert output == ""
        return process.returncode, errors.splitlines()

    def version(self, module: str) -> str | None:
        """Return the version of a package as a program in the environment sees it, or None."""
        code = f"import importlib.util as u; print(__import__({module!r}).VERSION if u.find_spec({module!r}) else '')"
        python = str(self.environment / "bin" / "python")
        return (
            subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True).stdout.strip()
            or None
        )


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("wheels")
    for version in ("1.0", "2.0"):
        write_wheel(folder, "weather-data", version)
    write_wheel(folder, "needs-old-rich", "1.0", requires=["rich<14"])
    write_wheel(folder, "needs-weather", "1.0", requires=["weather-data<2"])
    write_wheel(folder, "large", "1.0", files=3000)
    write_wheel(folder / "forks", "tornado", "6.6.1")
    return folder


@pytest.fixture
def app(tmp_path: Path, wheels: Path) -> AppFolder:
    return AppFolder(tmp_path, wheels)
