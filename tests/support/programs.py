"""Runs the programs that read our files, such as Caddy and Prometheus, and those that we need, such as PostgreSQL."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def find_program(name: str) -> str | None:
    """Return the path of a program on PATH or, of PostgreSQL's, in the folder of the newest version."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(versions[-1]) if versions else shutil.which(name)


@contextmanager
def reserved_port() -> Iterator[int]:
    """Yield a port on which nothing listens; nobody else gets it meanwhile, and one program can listen on it."""
    with socket.socket() as holder:
        # Another socket with this option may be bound to the port, until one of the two listens.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


@contextmanager
def program(folder: Path, *command: str, port: int) -> Iterator[None]:
    """Run a program that listens on this port, and end it by its own process id."""
    log = folder / f"{Path(command[0]).name}.log"
    with open(log, "ab") as output:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=_environment(folder)
        )
    try:
        _wait_for(port, process, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def process_with(*words: str) -> int | None:
    """Return the id of a process whose command line contains all of these, or None."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended
        if all(word.encode() in command for word in words):
            return int(process.name)
    return None


def _environment(folder: Path) -> dict[str, str]:
    # The programs write their own data into the test's folder.
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder / "data-home"),
        "XDG_CONFIG_HOME": str(folder / "config-home"),
    }


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"{process.args!r} does not listen: {log.read_text(errors='replace')[-2000:]}")
