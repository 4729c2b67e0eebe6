"""Rules for all tests: what is long, or boots a machine, runs only when asked for, and what is skipped has failed."""

import asyncio
from collections.abc import Iterator

import pytest
from tornado.ioloop import IOLoop


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long tests as well")
    parser.addoption("--boot", action="store_true", help="run those that boot a Debian as well; needs root")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    unwanted = [marker for marker in ("long", "boot") if not config.getoption(f"--{marker}")]
    left_out = [item for item in items if any(item.get_closest_marker(marker) for marker in unwanted)]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("a skipped test is a failed one: each proves a promise", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def io_loop() -> Iterator[IOLoop]:
    """A loop for each test; pytest-tornado's own makes it in a way that Tornado has deprecated."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    io_loop = IOLoop.current()
    yield io_loop
    io_loop.close(all_fds=True)
    asyncio.set_event_loop(None)
