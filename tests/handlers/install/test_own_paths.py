"""The install flow at paths of the operator's, with a time limit of the operator's."""

from typing import Any

import pytest

from latchkey.handlers import Services
from latchkey.simulator import Browser, Slack
from latchkey.storage import Store
from tests.handlers.install.flow import authorize_url, authorize_url_of
from tests.support.clocks import Clock
from tests.support.counts import count


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"install_path": "/add.me", "callback_path": "/back", "state_seconds": 60}


@pytest.fixture
def configured(slack: Slack, base_url: str) -> Slack:
    slack.configure(redirect_uris=[f"{base_url}/back"], events_url=f"{base_url}/slack/events")
    return slack


@pytest.mark.gen_test
async def test_installs_through_the_operators_own_paths(
    browser: Browser, base_url: str, configured: Slack, services: Services, store: Store
) -> None:
    assert services.install_url == f"{base_url}/add.me"
    callback = configured.approve(await authorize_url_of(browser, services.install_url))
    assert callback.startswith(f"{base_url}/back?")
    assert (await browser.open(callback)).code == 200
    assert store.installations.find_bot(enterprise_id=None, team_id="T0ACME") is not None
    assert count(services.metrics, "requests", endpoint="install", status="200") == 1
    assert count(services.metrics, "requests", endpoint="callback", status="303") == 1


@pytest.mark.gen_test
async def test_the_usual_paths_work_too_and_a_path_is_no_pattern(
    browser: Browser, base_url: str, configured: Slack
) -> None:
    assert (await browser.get(f"{base_url}/addXme")).code == 404
    callback = configured.approve(await authorize_url(browser, base_url))
    assert (await browser.open(callback.replace("/back", "/slack/oauth/callback"))).code == 200


@pytest.mark.gen_test
@pytest.mark.parametrize(("age", "status"), [(59, 200), (60, 401)])
async def test_an_install_must_be_finished_within_the_time(
    browser: Browser, base_url: str, configured: Slack, clock: Clock, age: int, status: int
) -> None:
    callback = configured.approve(await authorize_url(browser, base_url))
    clock.now += age
    assert (await browser.open(callback)).code == status
