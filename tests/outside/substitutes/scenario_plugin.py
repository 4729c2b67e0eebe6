"""A pytest plugin that runs Bolt's scenario tests against the product, and writes each outcome as a line of JSON.

Not compared: the number of `auth.test` calls, which Bolt makes at each request and the product does not.
"""

import inspect
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
import substitutes
from outcomes import write_outcome

MODE = os.environ["OUTSIDE_MODE"]
TEST_SECONDS = 20
"""Some tests wait until something happens, without a limit."""

ARGUMENT_CLASSES = ("SayStream", "AsyncSayStream", "SetStatus", "AsyncSetStatus")
"""Classes that a test expects of an argument. The native API has others with the same attributes."""
COUNTS = ("assert_received_request_count", "assert_received_request_count_async")


class Server(ThreadingHTTPServer):
    """Bolt's simulated API, for clients that keep their connections."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 50

    running: ClassVar[list["Server"]] = []

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.running.append(self)

    def server_close(self) -> None:
        super().server_close()
        if self in self.running:
            self.running.remove(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do nothing: a connection may outlive its test."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "asyncio: runs on an event loop")
    signal.signal(signal.SIGALRM, _time_out)
    from tests.mock_web_api_server import mock_server_thread

    mock_server_thread.HTTPServer = Server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the tests of Bolt's simulated API itself."""
    items[:] = [item for item in items if item.name != "test_mock_server_is_running"]


def pytest_collection_finish(session: pytest.Session) -> None:
    substitutes_of = substitutes.classes(MODE)
    for module in {item.module for item in session.items}:
        for name, value in list(vars(module).items()):
            if inspect.isclass(value) and value in substitutes_of:
                setattr(module, name, substitutes_of[value])
            elif name in ARGUMENT_CLASSES and MODE == "native":
                setattr(module, name, object)
            elif name in COUNTS:
                setattr(module, name, _without_auth_test(value))
            elif name == "assert_auth_test_count":
                setattr(module, name, lambda *arguments: None)
            elif name == "assert_auth_test_count_async":
                setattr(module, name, _nothing)


def _without_auth_test(count: Any) -> Any:
    """Return the assertion without its check of the calls of auth.test."""

    def checked(test: Any, path: str, *arguments: Any, **named: Any) -> Any:
        if path == "/auth.test":
            return _nothing() if inspect.iscoroutinefunction(count) else None
        return count(test, path, *arguments, **named)

    return checked


async def _nothing(*arguments: Any) -> None:
    pass


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    substitutes.run_async_test(lambda: pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Any:
    with _limited():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    with _limited():
        return (yield)


@contextmanager
def _limited() -> Iterator[None]:
    signal.alarm(TEST_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)


def _time_out(*_: Any) -> None:
    raise TimeoutError(f"the test takes more than {TEST_SECONDS} s")


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    substitutes.close_apps()
    for server in Server.running[:]:  # the test's own set-up has failed
        server.shutdown()
        server.server_close()  # the next test needs the port


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    write_outcome(item, call)
