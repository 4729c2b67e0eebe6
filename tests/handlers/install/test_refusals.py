"""Workspaces that may not install the app: what their people and Slack get in response."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from latchkey.dispatch import App
from latchkey.handlers import Services
from latchkey.simulator import Browser, Slack
from latchkey.storage import Store
from latchkey.tokens import AllowedWorkspaces
from tests.handlers.install.flow import authorize_url
from tests.handlers.install.refusing import (
    allow,
    install,
    live_tokens,
    methods,
    nothing_left,
)
from tests.support.counts import count

FORM = {"callback_id": "x", "blocks": [{"type": "input", "block_id": "name", "element": {"type": "plain_text_input"}}]}
INTERACTIONS: list[tuple[str, dict[str, Any], str]] = [
    ("block_actions", {"actions": [{"type": "button", "action_id": "x", "block_id": "b"}]}, ""),
    ("shortcut", {"callback_id": "x"}, ""),
    ("message_action", {"callback_id": "x"}, ""),
    ("block_suggestion", {"action_id": "x", "block_id": "b", "value": "a"}, '{"options":[]}'),
    ("view_closed", {"view": FORM}, ""),
    (
        "dialog_submission",
        {"callback_id": "x", "submission": {"name": "a", "other": "b"}},
        '{"errors":[{"name":"name","error":"Your workspace may not use this app."}]}',
    ),
    (
        "view_submission",
        {"view": FORM},
        '{"response_action":"errors","errors":{"name":"Your workspace may not use this app."}}',
    ),
]
"""Interactive requests, and the bodies of their responses."""


@pytest.fixture
def settings() -> dict[str, object]:
    return {"allowed_workspaces": AllowedWorkspaces(["T0BIRCH"]), "user_scopes": ["search:read"]}


class TestListedWorkspaces:
    @pytest.mark.gen_test
    async def test_a_listed_workspace_installs(
        self, browser: Browser, base_url: str, slack: Slack, store: Store
    ) -> None:
        assert (await install(browser, base_url, slack, "T0BIRCH")).status == 200
        assert store.installations.find_bot(enterprise_id=None, team_id="T0BIRCH") is not None

    @pytest.mark.gen_test
    async def test_another_workspace_is_refused_before_anything_is_stored_and_uninstalled_at_slack(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, all_logs: pytest.LogCaptureFixture
    ) -> None:
        page = await install(browser, base_url, slack)
        assert page.status == 403
        assert "Your workspace may not use this app" in page.text
        assert "was removed from your workspace again" in page.text
        assert methods(slack) == ["apps.uninstall"]
        assert not live_tokens(slack)
        assert not store.installations.page().installations
        assert await nothing_left(store)
        assert not any(token in all_logs.text for token in slack.world.tokens)

    @pytest.mark.gen_test
    async def test_an_org_wide_install_needs_the_org_in_the_list(
        self, browser: Browser, base_url: str, slack: Slack
    ) -> None:
        assert (await install(browser, base_url, slack, "T0CEDAR", org_wide=True)).status == 403

    @pytest.mark.gen_test
    async def test_a_new_install_after_a_refusal_succeeds_once_the_workspace_is_listed(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, services: Services
    ) -> None:
        await install(browser, base_url, slack)
        allow(services, "T0ACME")
        assert (await install(browser, base_url, slack)).status == 200
        saved = store.installations.find_installation(enterprise_id=None, team_id="T0ACME")
        assert saved is not None
        assert {saved.bot_token, saved.user_token} == live_tokens(slack)


class TestListedOrg:
    @pytest.fixture
    def settings(self) -> dict[str, object]:
        return {"allowed_workspaces": AllowedWorkspaces(["E0FOREST"])}

    @pytest.mark.gen_test
    @pytest.mark.parametrize("org_wide", [True, False])
    async def test_an_orgs_id_lists_the_org_and_all_its_workspaces(
        self, browser: Browser, base_url: str, slack: Slack, org_wide: bool
    ) -> None:
        assert (await install(browser, base_url, slack, "T0CEDAR", org_wide=org_wide)).status == 200
        assert (await install(browser, base_url, slack, "T0ACME")).status == 403


class TestOwnPage:
    @pytest.fixture
    def settings(self) -> dict[str, object]:
        return {"allowed_workspaces": AllowedWorkspaces(["T0BIRCH"]), "failure_url": "https://example.com/no"}

    @pytest.mark.gen_test
    @pytest.mark.parametrize(("times", "undo"), [(0, "uninstalled"), (1, "pending")])
    async def test_the_operators_own_page_receives_what_became_of_the_app(
        self, browser: Browser, base_url: str, slack: Slack, times: int, undo: str
    ) -> None:
        slack.fail("apps.uninstall", times=times, status=500)
        page = await browser.get(slack.approve(await authorize_url(browser, base_url)))
        query = parse_qs(urlsplit(page.headers["Location"]).query)
        assert (query["error"], query["undo"]) == (["not_allowed"], [undo])


class TestDroppedRequests:
    """Requests of a workspace that was taken off the list."""

    @pytest.fixture
    def runs(self, listeners: App) -> list[str]:
        runs: list[str] = []
        listeners.event("app_mention")(lambda event: runs.append("event"))
        listeners.command("/hello")(lambda ack: (runs.append("command"), ack()))
        return runs

    @pytest.mark.gen_test
    async def test_events_and_interactions_are_acknowledged_dropped_and_counted(
        self, installed: Slack, services: Services, http_server: object, runs: list[str]
    ) -> None:
        acme = installed.workspace()
        responses = [
            await installed.sender.event(acme, {"type": "app_mention", "channel": "C1"}),
            await installed.sender.command(acme, "/hello", ""),
        ]
        assert [response.status for response in responses] == [200, 200]
        assert [response.body for response in responses] == ["", "Your workspace may not use this app."]
        assert count(services.metrics, "requests_dropped") == 2
        await services.events.drain(1)
        assert not runs

    @pytest.mark.gen_test
    @pytest.mark.parametrize(("kind", "fields", "body"), INTERACTIONS, ids=[kind for kind, _, _ in INTERACTIONS])
    async def test_a_person_reads_why_nothing_happens_if_slack_can_show_it(
        self,
        installed: Slack,
        services: Services,
        http_server: object,
        kind: str,
        fields: dict[str, Any],
        body: str,
    ) -> None:
        response = await installed.sender.interaction(installed.workspace(), kind, fields)
        assert (response.status, response.body) == (200, body)
        assert count(services.metrics, "requests_dropped") == 1

    @pytest.mark.gen_test
    async def test_an_uninstall_is_carried_out_all_the_same(
        self, installed: Slack, services: Services, http_server: object, store: Store
    ) -> None:
        await installed.sender.event(installed.workspace(), {"type": "app_uninstalled"})
        assert not store.installations.page().installations


class TestNoList:
    @pytest.fixture
    def settings(self) -> dict[str, object]:
        return {}

    @pytest.mark.gen_test
    async def test_without_a_list_every_workspace_may_install(
        self, browser: Browser, base_url: str, slack: Slack, make_services: Callable[..., Services]
    ) -> None:
        assert (await install(browser, base_url, slack)).status == 200
