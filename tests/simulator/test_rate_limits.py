"""Rate limits: https://docs.slack.dev/apis/web-api/rate-limits."""

from urllib.parse import urlencode

import pytest

from tests.simulator.simulation import Simulation, simulation


async def status(it: Simulation, method: str, token: str, **arguments: str) -> tuple[int, str | None]:
    """Return the status and Retry-After of a call."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    response = await it.browser.post(it.slack.api_url + method, urlencode(arguments), headers)
    return response.code, response.headers.get("Retry-After")


@pytest.mark.gen_test
async def test_each_workspace_has_its_own_limit_for_each_method() -> None:
    async with simulation() as it:
        acme, birch = [(await it.exchange(it.code(team)))["access_token"] for team in ("T0ACME", "T0BIRCH")]
        it.slack.limit("auth.test", 2, 30)
        assert [await status(it, "auth.test", acme) for _ in range(2)] == [(200, None)] * 2
        it.clock.now += 10
        assert await status(it, "auth.test", acme) == (429, "20")
        assert (await it.call("auth.test", acme))["error"] == "ratelimited"
        assert await status(it, "auth.test", birch) == (200, None)
        assert (await status(it, "auth.revoke", acme, test="true"))[0] == 200
        it.clock.now += 20
        assert await status(it, "auth.test", acme) == (200, None)


@pytest.mark.gen_test
async def test_a_refused_refresh_uses_no_refresh_token() -> None:
    async with simulation(token_rotation=True) as it:
        installed = [await it.exchange(it.code(team)) for team in ("T0ACME", "T0BIRCH")]
        first, second = (document["refresh_token"] for document in installed)
        it.slack.limit("oauth.v2.access", 1, 1)
        assert (await it.refresh(first))["ok"]
        assert (await it.refresh(second))["error"] == "ratelimited"
        it.clock.now += 120
        assert (await it.refresh(second))["ok"]
        assert it.slack.times_sent(second) == 2
