"""A PostgreSQL of the tests' own: on a unix socket in a temporary folder, ended with the tests."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.programs import find_program

SUPERUSER = "postgres"
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    # Small, and without the checkpoints that would slow other tests down. fsync stays on: a store refuses to be without.
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
}


class DatabaseLocation(NamedTuple):
    """A store in a database, as `open_store` takes it; other processes can get it."""

    url: str

    def reveal(self) -> str:
        return self.url

    def __str__(self) -> str:
        return self.url


def location_of(text: str) -> str | DatabaseLocation:
    """Return the location that another process was given as text."""
    return DatabaseLocation(text) if text.startswith("postgresql:") else text


class Postgresql:
    """One server, with a database for each test."""

    def __init__(self, folder: Path) -> None:
        """`folder` is where data and socket are; its path must be short."""
        self.folder = folder
        self._data = folder / "data"
        self._user = _unprivileged_user()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self._unused: list[str] = []
        if self._user is not None:
            shutil.chown(folder, self._user)
        self._run(
            "initdb", "-D", str(self._data), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"
        )

    def start(self) -> None:
        """Start the server, and return when it accepts connections."""
        options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [self._program("postgres"), "-D", str(self._data), "-k", str(self.folder), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self._user,
                cwd=self.folder,
            )
        deadline = time.monotonic() + 30
        while subprocess.run(self._psql("SELECT 1"), capture_output=True, check=False).returncode:
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise AssertionError((self.folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGQUIT) -> None:
        """End the server: at once, as a power cut does, or after its transactions (SIGINT)."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None

    def restart(self) -> None:
        self.stop(signal.SIGINT)
        self.start()

    def new_database(self) -> str:
        """Return the name of a database without our schema; a new one takes a quarter of a second."""
        if self._unused:
            return self._unused.pop()
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY wal_log")
        return name

    def give_back(self, database: str) -> None:
        """Empty a database that a test has used."""
        self.cut_connections(database)
        self.sql("SET client_min_messages = error; DROP SCHEMA IF EXISTS latchkey CASCADE", database)
        self._unused.append(database)

    def url(self, database: str, user: str = SUPERUSER) -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def sql(self, statement: str, database: str = SUPERUSER) -> str:
        """Run a statement, and return its result as text, one row per line."""
        done = subprocess.run(self._psql(statement, database), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def cut_connections(self, database: str) -> int:
        """End all connections to the database; returns their number."""
        ended = self.sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            f" WHERE datname = '{database}' AND pid <> pg_backend_pid()"
        )
        return int(ended)

    def _psql(self, statement: str, database: str = SUPERUSER) -> list[str]:
        connect = ["-h", str(self.folder), "-U", SUPERUSER, "-d", database]
        return [self._program("psql"), *connect, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement]

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._program(name), *arguments], capture_output=True, text=True, user=self._user, cwd="/", check=False
        )
        assert done.returncode == 0, done.stderr

    def _program(self, name: str) -> str:
        found = find_program(name)
        assert found is not None, f"{name} is not installed"
        return found


@contextmanager
def running_postgresql() -> Iterator[Postgresql]:
    """Yield a server, and end it by its own process id."""
    # Not pytest's folder: the path of a socket has at most 107 bytes, and another user must be able to enter.
    folder = Path(tempfile.mkdtemp(prefix="latchkey-pg-", dir="/tmp"))
    server = Postgresql(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged_user() -> str | None:
    """Return a user for PostgreSQL, which refuses to run as root; None if this is not root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
