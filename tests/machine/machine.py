"""A booted Debian: systemd as process 1, its own network with only a loopback device, and a way to run commands."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.machine.base import Base

BOOT_SECONDS = 60.0
STOP_SECONDS = 30.0
_CLONE_NEWNET = 0x40000000
_WHEELS = "var/cache/wheels"
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/root",
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": f"/{_WHEELS}",
}
"""Of commands inside; pip installs only the wheels that the machine has."""


class Machine:
    """One machine; `root` is its whole file system."""

    def __init__(self, folder: Path, base: Base) -> None:
        """Copy the bare system into a folder that does not exist yet."""
        self.root = folder
        self._base = base
        self._container: subprocess.Popen[bytes] | None = None
        self._leader = 0
        subprocess.run(["cp", "-a", "--reflink=auto", str(base.root), str(folder)], check=True)
        shutil.copytree(base.wheels, folder / _WHEELS)
        # A minimal system has none. systemd-socket-proxyd tries only a name's first address, so there is one.
        (folder / "etc/hosts").write_text("127.0.0.1 localhost\n::1 ip6-localhost\n")

    def boot(self) -> None:
        """Start systemd inside and return when it has started everything."""
        log = open(self.root.parent / f"{self.root.name}.console", "ab")  # noqa: SIM115  # open until the container ends
        self._container = subprocess.Popen(
            [
                str(self._base.nspawn), "-D", str(self.root), "-b", "--register=no", "--private-network", "--keep-unit",
                f"--machine=latchkey-{os.getpid()}",
            ],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        log.close()
        deadline = time.monotonic() + BOOT_SECONDS
        while not self._is_up():
            assert self._container.poll() is None, self.console()
            assert time.monotonic() < deadline, self.console()
            time.sleep(0.1)

    def _is_up(self) -> bool:
        assert self._container is not None
        children = Path(f"/proc/{self._container.pid}/task/{self._container.pid}/children").read_text().split()
        if not children:
            return False
        self._leader = int(children[0])
        return self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded")

    def console(self) -> str:
        return (self.root.parent / f"{self.root.name}.console").read_text(errors="replace")[-3000:]

    def inside(self, *command: str) -> list[str]:
        """Return a command line that runs a command inside."""
        return ["nsenter", "-t", str(self._leader), "-m", "-u", "-i", "-n", "-p", "-r", "-w", "--", *command]

    def run(
        self, *command: str, check: bool = True, typed: str | None = None, timeout: float = 300, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside, as root."""
        done = subprocess.run(
            self.inside(*command), env={**ENVIRONMENT, **environ}, capture_output=True, text=True, check=False,
            timeout=timeout,
            **({"stdin": subprocess.DEVNULL} if typed is None else {"input": typed}),
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def show(self, prop: str, unit: str = "latchkey.service") -> str:
        """Return a property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={prop}", unit).stdout.strip()

    def journal(self, *arguments: str) -> str:
        return self.run("journalctl", "--quiet", "--output=cat", *arguments).stdout

    @contextmanager
    def network(self) -> Iterator[None]:
        """Make this thread, and those that it starts, use the machine's network for new sockets."""
        libc = ctypes.CDLL(None, use_errno=True)
        ours = os.open("/proc/self/ns/net", os.O_RDONLY)
        theirs = os.open(f"/proc/{self._leader}/ns/net", os.O_RDONLY)
        try:
            assert libc.setns(theirs, _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            yield
        finally:
            libc.setns(ours, _CLONE_NEWNET)
            os.close(ours)
            os.close(theirs)

    def stop(self) -> None:
        """Shut the machine down; its files stay."""
        if self._container is None:
            return
        self._container.send_signal(signal.SIGTERM)
        try:
            self._container.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._container.kill()
            self._container.wait()
        self._container = None
