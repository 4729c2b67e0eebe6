"""The pytest plugin. Pytest loads it in every run, so it imports the rest of the kit only when a test needs it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from latchkey.testing import AppToTest, SlackUser
    from latchkey.testing.app_to_test import AppLoader
    from latchkey.testing.running_app import RunningApp

_OPTION = "latchkey_config"
_HELP = "the config.toml of the app that the fixture `slack` runs; otherwise the nearest one above the test"
_RUNNING: pytest.StashKey[RunningApp] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--latchkey-config", dest=_OPTION, metavar="FILE", help=_HELP)
    parser.addini(_OPTION, _HELP)


def pytest_configure(config: pytest.Config) -> None:
    # slack_sdk causes it when the app is installed; a test that turns warnings into errors can do nothing about it.
    config.addinivalue_line("filterwarnings", "ignore:BasicAuth is deprecated:DeprecationWarning")


@pytest.fixture(scope="session")
def _latchkey_loader(pytestconfig: pytest.Config) -> AppLoader:
    from latchkey.testing.app_to_test import AppLoader

    return AppLoader(pytestconfig.rootpath)


@pytest.fixture
def latchkey_app(pytestconfig: pytest.Config) -> AppToTest:
    """The app that `slack` runs; override this fixture to test another one."""
    from latchkey.testing import AppToTest

    given = pytestconfig.getoption(_OPTION)
    if given:
        return AppToTest(config=pytestconfig.invocation_params.dir / given)
    configured = str(pytestconfig.getini(_OPTION))
    return AppToTest(config=pytestconfig.rootpath / configured) if configured else AppToTest()


@pytest.fixture
def slack(request: pytest.FixtureRequest, latchkey_app: AppToTest, _latchkey_loader: AppLoader) -> Iterator[SlackUser]:
    """Alice in the workspace Acme of a simulated Slack, in which the app is installed."""
    from latchkey.testing import SlackUser
    from latchkey.testing.running_app import RunningApp

    running = RunningApp(_latchkey_loader, latchkey_app, Path(request.path).parent)
    request.node.stash[_RUNNING] = running
    yield SlackUser(running, running.slack.workspace(), {})
    running.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    running = item.stash.get(_RUNNING, None)
    if running is not None and report.failed and call.when == "call":
        from latchkey.testing.transcript import transcript

        report.sections.append(("Slack", transcript(running)))
    return report
