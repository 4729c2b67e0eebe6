"""The real server with a Bolt app mounted, in both flavours."""

from collections.abc import Callable
from typing import Any

import pytest

from latchkey.bolt import BoltApp
from latchkey.dispatch import App
from latchkey.handlers import Services
from latchkey.simulator import Slack
from tests.bolt.example_apps import async_app, sync_app
from tests.handlers.conftest import (  # noqa: F401  # fixtures
    app,
    browser,
    clock,
    http_server,
    installed,
    listeners,
    make_services,
    max_clients,
    services,
    slack,
    store,
)


@pytest.fixture
def settings() -> dict[str, Any]:
    """Retries come soon; threads of a busy machine get time for `ack`."""
    return {"retry_delay": lambda attempts, chance: 0.01, "ack_timeout": 2.0}


@pytest.fixture
def seen() -> list[str]:
    """What the listeners of the app have seen."""
    return []


@pytest.fixture
def mount(
    http_server: object,  # noqa: F811
    services: Services,  # noqa: F811
    slack: Slack,  # noqa: F811
    listeners: App,  # noqa: F811
) -> Callable[[Any], BoltApp]:
    """Mount a Bolt app in the running server."""

    def mount_app(bolt: Any) -> BoltApp:
        mounted = BoltApp("my_app:app", bolt)
        mounted.start(services.metrics, api_url=slack.api_url)
        listeners.mount(mounted)
        return mounted

    return mount_app


@pytest.fixture(params=[async_app, sync_app], ids=["AsyncApp", "App"])
def make_app(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return the function that makes the example app in one of the flavours."""
    return request.param
