"""A bare Debian 12 in a folder, the tools that boot it, and the wheels that the lock files name.

They are made once and kept in /var/tmp; each machine gets a copy. Needs root, debootstrap,
and this machine's apt and pip.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SUITE = "bookworm"
PACKAGES = ("systemd", "systemd-sysv", "dbus", "python3-venv")
"""In addition to a minimal Debian: systemd, and what docs/install.md says to install."""
LOCKED = ("requirements-build.txt", "requirements.txt", "requirements-postgresql.txt")
_KEPT = Path("/var/tmp/latchkey-machine")


class Base:
    """The folders of the parts."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.tools = folder / "tools"
        self.wheels = folder / "wheels"

    @property
    def nspawn(self) -> Path:
        return self.tools / "usr/bin/systemd-nspawn"


def prepare_base() -> Base:
    """Return the parts; makes them if they are missing, which takes one to two minutes."""
    assert os.getuid() == 0, "only root can boot a machine"
    assert shutil.which("debootstrap"), "apt-get install debootstrap"
    _KEPT.mkdir(mode=0o755, exist_ok=True)
    with open(_KEPT / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        base = Base(_KEPT)
        recipe = Path(__file__).read_bytes() + b"".join((ROOT / name).read_bytes() for name in LOCKED)
        stamp = hashlib.sha256(recipe).hexdigest()
        made = _KEPT / "made"
        if not made.exists() or made.read_text() != stamp:
            made.unlink(missing_ok=True)
            _make(base)
            made.write_text(stamp)
    return base


def _make(base: Base) -> None:
    for folder in (base.root, base.tools, base.wheels):
        shutil.rmtree(folder, ignore_errors=True)
    _run("apt-get", "update", "-qq")
    _run("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(base.root), mirror())
    (base.root / "etc/machine-id").unlink(missing_ok=True)
    base.tools.mkdir()
    _run("apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", "systemd-container", cwd=base.tools)
    (package,) = base.tools.glob("systemd-container_*.deb")
    _run("dpkg", "-x", str(package), str(base.tools))
    base.wheels.mkdir()
    for name in LOCKED:
        _run(
            sys.executable, "-m", "pip", "download", "-q", "--require-hashes", "--no-build-isolation",
            "-d", str(base.wheels), "-r", str(ROOT / name),
        )  # fmt: skip


def mirror() -> str:
    """Return the URL of the Debian mirror that this machine's apt uses."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE) $(CODENAME) $(ORIGIN)", "Created-By: Packages"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    sites = [line.split() for line in listed.splitlines() if line.endswith(" Debian")]
    best = sorted(sites, key=lambda site: site[1] != SUITE)
    assert best, "apt-get update"
    return best[0][0]


def _run(*command: str, cwd: Path | None = None) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
