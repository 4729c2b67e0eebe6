"""Selects the tests to run by option, and fails the run if a test is skipped."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from tests.support.database.postgresql import Postgresql, running_postgresql
from tests.support.programs import find_program, reserved_port
from tests.support.stores import new_public_folder

pytest_plugins = ["pytester"]

MISSING = pytest.StashKey[set[str]]()
PROGRAM = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the long tests")
    parser.addoption("--boot", action="store_true", help="also run the tests that boot a Debian; needs root")
    parser.addoption("--browser", action="store_true", help="also open every page in Chromium")
    parser.addoption("--wheel", action="store_true", help="also install the wheel into an empty virtual environment")
    parser.addoption("--outside", metavar="FOLDER", help="also run the code of other projects in this folder")
    parser.addoption(
        "--programs", action="store_true", help="fail instead of leaving out tests whose programs are missing"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    unwanted = [
        marker for marker in ("long", "boot", "browser", "wheel", "outside") if not config.getoption(f"--{marker}")
    ]
    left_out = [item for item in items if any(item.get_closest_marker(marker) for marker in unwanted)]
    if not root_can_act_as_others():
        left_out += [item for item in items if item.get_closest_marker("root") and item not in left_out]
    items[:] = [item for item in items if item not in left_out]
    missing = set() if config.getoption("--programs") else {name for item in items for name in missing_programs(item)}
    left_out += [item for item in items if missing.intersection(programs(item))]
    items[:] = [item for item in items if not missing.intersection(programs(item))]
    # Machines first: they take longest, and another process can run other tests meanwhile.
    items.sort(key=lambda item: not booted(item))
    config.hook.pytest_deselected(items=left_out)
    config.stash[MISSING] = missing


def booted(item: pytest.Item) -> bool:
    return item.get_closest_marker("boot") is not None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    missing = sorted(config.stash.get(MISSING, ()))
    if missing:
        terminalreporter.write_line(
            f"tests with {', '.join(missing)} were left out: apt-get install prometheus caddy nginx chromium strace git postgresql",
            yellow=True,
        )
    if not root_can_act_as_others():
        terminalreporter.write_line(
            "tests of root's commands were left out: they need root, and a checkout that every user may read",
            yellow=True,
        )


def root_can_act_as_others() -> bool:
    """Whether this process is root, and other users can read the checkout."""
    return os.geteuid() == 0 and all(folder.stat().st_mode & 0o005 == 0o005 for folder in (PROGRAM, *PROGRAM.parents))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Receive the missing programs from the process that has collected the tests."""
    node.config.stash[MISSING] = set(getattr(node, "workeroutput", {}).get("missing", ()))


def programs(item: pytest.Item) -> list[str]:
    """Return the programs that a test runs (`@pytest.mark.programs`)."""
    return [name for mark in item.iter_markers("programs") for name in mark.args]


def missing_programs(item: pytest.Item) -> list[str]:
    return [name for name in programs(item) if find_program(name) is None]


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):  # one of several processes; only the first one prints
        session.config.workeroutput["missing"] = list(session.config.stash.get(MISSING, ()))
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("a skipped test fails the run", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def io_loop() -> Iterator[IOLoop]:
    """A loop for each test; the fixture of pytest-tornado uses a deprecated call of Tornado."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    io_loop = IOLoop.current()
    yield io_loop
    io_loop.close(all_fds=True)
    asyncio.set_event_loop(None)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """A PostgreSQL that runs until the tests end; for tests with `@pytest.mark.programs("postgres")`."""
    with running_postgresql() as server:
        yield server


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user can enter, unlike `tmp_path`, so that parts of it can be given to others."""
    with new_public_folder() as folder:
        yield folder


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port on which nothing listens; nothing else gets it during the test."""
    with reserved_port() as port:
        yield port


@pytest.fixture
def unused_addresses() -> Iterator[dict[str, str]]:
    """Settings with addresses on which nothing listens; nothing else gets their ports during the test."""
    with reserved_port() as port, reserved_port() as metrics_port:
        yield {
            "LATCHKEY_SERVER_LISTEN": f"127.0.0.1:{port}",
            "LATCHKEY_METRICS_LISTEN": f"127.0.0.1:{metrics_port}",
        }
