"""Workspaces that may not install the app: their installation is undone at Slack, and no other is harmed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from slack_sdk.oauth.installation_store import Installation

from latchkey.dispatch import App
from latchkey.errors import StoreUnavailable
from latchkey.handlers import Services
from latchkey.simulator import Browser, Slack, Token
from latchkey.storage import Store, Undos
from latchkey.tokens import AllowedWorkspaces
from tests.handlers.install.flow import authorize_url
from tests.support.waiting import until


@pytest.fixture
def settings() -> dict[str, object]:
    return {"allowed_workspaces": AllowedWorkspaces(["T0BIRCH"]), "user_scopes": ["search:read"]}


@dataclass
class Page:
    status: int
    text: str


async def install(browser: Browser, base_url: str, slack: Slack, team_id: str = "T0ACME", **options: Any) -> Page:
    page = await browser.open(slack.approve(await authorize_url(browser, base_url), team_id, **options))
    return Page(page.code, page.body.decode())


def allow(services: Services, *ids: str) -> None:
    """Change the list, as a restart with another configuration does."""
    object.__setattr__(services, "allowed_workspaces", AllowedWorkspaces(ids))


def methods(slack: Slack) -> list[str]:
    return [call.method for call in slack.world.calls if call.method != "oauth.v2.access"]


def live_tokens(slack: Slack) -> set[str]:
    now = slack.world.clock()
    return {value for value, token in slack.world.tokens.items() if token.is_live(now)}


def live_refresh_tokens(slack: Slack) -> list[Any]:
    return [found for found in slack.world.refresh_tokens.values() if not found.revoked and not found.access.ended]


async def nothing_left(store: Store) -> bool:
    return not await store.undos.async_all()


def code_for(slack: Slack, services: Services) -> str:
    """Return the code of an approved install."""
    callback = slack.approve(services.oauth.authorize_url("state"))
    return parse_qs(urlsplit(callback).query)["code"][0]


def save(store: Store, slack: Slack, team_id: str = "T0ACME", user_id: str = "U0BOSS", **fields: Any) -> set[str]:
    """Store an installation whose tokens are valid, and return them."""
    workspace = slack.workspace(team_id)
    bot = slack.world.issue_token("xoxb", Token(workspace, "UBOT", True, False, "chat:write"))
    user = slack.world.issue_token("xoxp", Token(workspace, user_id, False, False, "search:read"))
    store.installations.save(
        Installation(
            team_id=team_id,
            enterprise_id=workspace.enterprise_id,
            user_id=user_id,
            bot_token=bot,
            user_token=user,
            **fields,
        )
    )
    return {bot, user}


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


class TestGoodInstallations:
    """What was installed before, or is being installed, is not harmed by an undo."""

    @pytest.mark.gen_test
    async def test_only_the_new_user_token_is_revoked_if_the_workspace_has_an_installation(
        self, browser: Browser, base_url: str, slack: Slack, store: Store
    ) -> None:
        good = save(store, slack)
        page = await install(browser, base_url, slack)
        assert page.status == 403
        assert "stays as it was" in page.text
        assert methods(slack) == ["auth.revoke"]
        assert good <= live_tokens(slack)
        assert not any(slack.world.tokens[token].user_id == "U0ALICE" for token in live_tokens(slack))
        saved = store.installations.find_installation(enterprise_id=None, team_id="T0ACME")
        assert saved is not None
        assert {saved.bot_token, saved.user_token} == good

    @pytest.mark.gen_test
    async def test_a_user_token_that_a_stored_installation_has_too_is_not_revoked(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without token rotation, Slack gives a person who installs again the same token."""
        good = save(store, slack, user_id="U0ALICE")
        monkeypatch.setattr(slack.world, "issue_token", lambda prefix, token: next(t for t in good if prefix in t))
        assert (await install(browser, base_url, slack)).status == 403
        assert not methods(slack)
        assert live_tokens(slack) == good

    @pytest.mark.gen_test
    @pytest.mark.parametrize(
        ("stored", "org_wide"),
        [({"team_id": None, "is_enterprise_install": True}, False), ({}, True)],
        ids=["a workspace of an installed org", "the org of an installed workspace"],
    )
    async def test_an_org_and_its_workspaces_count_as_one_for_an_uninstall(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, stored: dict[str, Any], org_wide: bool
    ) -> None:
        cedar = {"team_id": "T0CEDAR", "enterprise_id": "E0FOREST", "user_id": "U0BOSS", "bot_token": "xoxb-good"}
        store.installations.save(Installation(**{**cedar, **stored}))
        await install(browser, base_url, slack, "T0CEDAR", org_wide=org_wide)
        assert methods(slack) == ["auth.revoke"]

    @pytest.mark.gen_test
    async def test_an_install_in_progress_keeps_its_tokens(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, services: Services
    ) -> None:
        """apps.uninstall would end them as well, and they are not stored yet."""
        allow(services, "T0ACME")
        callback = slack.approve(await authorize_url(browser, base_url))
        refused = Installation(team_id="T0ACME", user_id="U0MALLORY", bot_token=bot_of_acme(slack))
        slack.fail("oauth.v2.access", seconds=0.2)
        installing = asyncio.ensure_future(browser.open(callback))
        await until(lambda: services.undoer.gate._installs)
        undoing = asyncio.ensure_future(services.undoer.undo(refused, wait_seconds=5))
        assert (await installing).code == 200
        assert await undoing == "user_token_revoked"
        bot = store.installations.find_bot(enterprise_id=None, team_id="T0ACME")
        assert bot is not None
        assert bot.bot_token in live_tokens(slack)


def bot_of_acme(slack: Slack) -> str:
    return slack.world.issue_token("xoxb", Token(slack.workspace(), "UBOT", True, False, "chat:write"))


class TestSlackRefusesTheUninstall:
    @pytest.mark.gen_test
    async def test_every_token_is_revoked_and_page_and_log_say_who_must_remove_the_app(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, all_logs: pytest.LogCaptureFixture
    ) -> None:
        page = await install(browser, base_url, slack, "T0CEDAR", org_wide=True)
        assert page.status == 403
        assert "An admin of your organization" in page.text
        assert "an admin of E0FOREST must remove the app at Slack" in all_logs.text
        assert methods(slack) == ["apps.uninstall", "auth.revoke", "auth.revoke"]
        assert not live_tokens(slack)
        assert await nothing_left(store)

    @pytest.mark.gen_test
    async def test_it_is_remembered_while_the_tokens_are_revoked(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, all_logs: pytest.LogCaptureFixture
    ) -> None:
        """The first revoked token would make Slack say that the app is gone."""
        slack.fail("auth.revoke", status=500)
        page = await install(browser, base_url, slack, "T0CEDAR", org_wide=True)
        assert "as soon as Slack responds" in page.text
        await until(lambda: "an admin of E0FOREST must remove" in all_logs.text)
        assert methods(slack).count("apps.uninstall") == 1
        assert not live_tokens(slack)

    @pytest.mark.gen_test
    async def test_a_token_that_an_installation_has_received_meanwhile_is_not_revoked(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, services: Services
    ) -> None:
        """Slack gives an org that installs again the same bot token, as long as the app was not removed there."""
        slack.fail("auth.revoke", times=10_000, status=500)
        await install(browser, base_url, slack, "T0CEDAR", org_wide=True)
        await until(lambda: slack.world.faults["auth.revoke"].times < 10_000)
        [bot] = [value for value, token in slack.world.tokens.items() if token.is_bot]
        org = Installation(enterprise_id="E0FOREST", user_id="U0BOSS", bot_token=bot, is_enterprise_install=True)
        store.installations.save(org)
        slack.world.faults.clear()
        await until(lambda: services.metrics.undos["needs_admin"]._value.get())
        assert live_tokens(slack) == {bot}


class TestTokenRotation:
    """auth.revoke ends only the token of the call, so refresh tokens are revoked as well."""

    @pytest.mark.gen_test
    async def test_refresh_tokens_are_revoked_if_slack_refuses_the_uninstall(
        self, browser: Browser, base_url: str, slack: Slack
    ) -> None:
        slack.turn_token_rotation_on()
        await install(browser, base_url, slack, "T0CEDAR", org_wide=True)
        assert methods(slack) == ["apps.uninstall", *["auth.revoke"] * 4]
        assert not live_tokens(slack)
        assert not live_refresh_tokens(slack)

    @pytest.mark.gen_test
    async def test_the_new_tokens_are_revoked_beside_an_installation(
        self, browser: Browser, base_url: str, slack: Slack, store: Store
    ) -> None:
        good = save(store, slack)
        slack.turn_token_rotation_on()
        await install(browser, base_url, slack)
        assert good == live_tokens(slack)
        assert not live_refresh_tokens(slack)

    @pytest.mark.gen_test
    async def test_refused_installs_do_not_push_out_the_tokens_of_an_installation(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, services: Services
    ) -> None:
        """A bot has at most two live tokens, and each exchange adds one."""
        slack.turn_token_rotation_on()
        allow(services, "T0ACME")
        await install(browser, base_url, slack)
        allow(services, "T0BIRCH")
        for _ in range(3):
            assert (await install(browser, base_url, slack)).status == 403
        saved = store.installations.find_installation(enterprise_id=None, team_id="T0ACME")
        assert saved is not None
        assert live_tokens(slack) == {saved.bot_token, saved.user_token}

    @pytest.mark.gen_test
    @pytest.mark.parametrize("scopes", [["chat:write"], []], ids=["bot and user", "only a user"])
    async def test_an_expired_token_is_refreshed_to_uninstall_the_app(
        self,
        make_services: Callable[..., Services],
        http_server: object,
        slack: Slack,
        store: Store,
        clock: Any,
        scopes: list[str],
    ) -> None:
        """The server may have been down for longer than a token lives."""
        slack.turn_token_rotation_on()
        services = make_services(scopes=scopes, user_scopes=["search:read"])
        refused = await services.oauth.exchange(code_for(slack, services))
        clock.now += 13 * 3600
        assert await services.undoer.undo(refused, wait_seconds=5) == "uninstalled"
        assert methods(slack) == ["apps.uninstall", "apps.uninstall"]
        assert not live_tokens(slack)
        assert not live_refresh_tokens(slack)
        assert await nothing_left(store)

    @pytest.mark.gen_test
    async def test_an_expired_token_that_cannot_be_refreshed_does_not_count_as_an_uninstalled_app(
        self,
        make_services: Callable[..., Services],
        http_server: object,
        slack: Slack,
        clock: Any,
        all_logs: pytest.LogCaptureFixture,
    ) -> None:
        slack.turn_token_rotation_on()
        services = make_services(user_scopes=["search:read"])
        refused = await services.oauth.exchange(code_for(slack, services))
        refused.bot_refresh_token = None
        clock.now += 13 * 3600
        assert await services.undoer.undo(refused, wait_seconds=5) == "needs_admin"
        assert "an admin of T0ACME must remove the app" in all_logs.text


class TestRetries:
    @pytest.mark.gen_test
    @pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429}, {"error": "internal_error"}])
    async def test_an_undo_that_fails_is_retried_until_it_is_done_and_then_deleted(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, services: Services, fault: dict[str, Any]
    ) -> None:
        slack.fail("apps.uninstall", times=3, **fault)
        page = await install(browser, base_url, slack)
        assert page.status == 403
        assert "as soon as Slack responds" in page.text
        await until(lambda: services.metrics.undos["uninstalled"]._value.get())
        assert not live_tokens(slack)
        assert await nothing_left(store)

    @pytest.mark.gen_test
    async def test_an_undo_that_the_store_does_not_take_is_carried_out_and_stored_later(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put, failures = Undos.async_put, [StoreUnavailable("full", "the disk is full")] * 3

        async def fail_at_first(undos: Undos, undo: Any) -> None:
            if failures:
                raise failures.pop()
            await put(undos, undo)

        monkeypatch.setattr(Undos, "async_put", fail_at_first)
        assert (await install(browser, base_url, slack)).status == 403
        await until(lambda: not live_tokens(slack))
        assert not store.installations.page().installations

    @pytest.mark.gen_test
    async def test_after_a_week_an_undo_ends_and_the_log_says_who_must_remove_the_app(
        self,
        browser: Browser,
        base_url: str,
        slack: Slack,
        store: Store,
        clock: Any,
        services: Services,
        all_logs: pytest.LogCaptureFixture,
    ) -> None:
        slack.fail("apps.uninstall", times=10_000, status=500)
        await install(browser, base_url, slack)
        clock.now += 8 * 86400
        await until(lambda: "an admin of T0ACME must remove the app" in all_logs.text)
        assert await nothing_left(store)


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
        assert services.metrics.requests_dropped._value.get() == 2
        await services.events.drain(1)
        assert not runs

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
