"""A refused install is undone at Slack, whatever Slack and the store respond, and harms no installation."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk.oauth.installation_store import Installation

from latchkey.errors import StoreUnavailable
from latchkey.handlers import Services
from latchkey.simulator import Browser, Slack
from latchkey.storage import Store, Undos
from latchkey.tokens import AllowedWorkspaces
from tests.handlers.install.flow import authorize_url
from tests.handlers.install.refusing import (
    allow,
    bot_of_acme,
    code_for,
    install,
    live_refresh_tokens,
    live_tokens,
    methods,
    nothing_left,
    save,
)
from tests.support.waiting import until


@pytest.fixture
def settings() -> dict[str, object]:
    return {"allowed_workspaces": AllowedWorkspaces(["T0BIRCH"]), "user_scopes": ["search:read"]}


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
        await until(lambda: services.metrics.undos["needs_admin"]._value)
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
        await until(lambda: services.metrics.undos["uninstalled"]._value)
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
