"""`before_install`, `installed` and `uninstalled`: what listeners do about installs."""

import asyncio
import re
import threading
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from latchkey.dispatch import App
from latchkey.handlers import Services
from latchkey.simulator import Browser, Slack
from latchkey.storage import Outcome, OutcomeKind, Store
from tests.handlers.install.flow import authorize_url
from tests.support.waiting import until


@pytest.fixture
def settings() -> dict[str, object]:
    return {"user_scopes": ["search:read"]}


async def install(browser: Browser, base_url: str, slack: Slack, team_id: str = "T0ACME", **options: Any) -> Any:
    return await browser.open(slack.approve(await authorize_url(browser, base_url), team_id, **options))


def live_tokens(slack: Slack) -> list[str]:
    now = slack.world.clock()
    return [value for value, token in slack.world.tokens.items() if token.is_live(now)]


class TestBeforeInstall:
    @pytest.mark.gen_test
    async def test_an_install_that_nobody_refuses_is_saved(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, listeners: App
    ) -> None:
        seen: list[dict[str, Any]] = []
        listeners.before_install(lambda event, user_id, team_id: seen.append({**event, "ids": (user_id, team_id)}))
        assert (await install(browser, base_url, slack)).code == 200
        assert store.installations.find_bot(enterprise_id=None, team_id="T0ACME") is not None
        [event] = seen
        assert (event["user"], event["team_id"], event["team_name"]) == ("U0ALICE", "T0ACME", "Acme")
        assert event["ids"] == ("U0ALICE", "T0ACME")
        assert event["user_scopes"] == ["search:read"]
        assert not any(token in repr(event) for token in slack.world.tokens)

    @pytest.mark.gen_test
    @pytest.mark.parametrize("is_async", [True, False])
    async def test_a_refusal_is_undone_before_anything_is_stored_and_its_reason_is_shown(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, listeners: App, is_async: bool
    ) -> None:
        stored: list[int] = []

        async def check(refuse: Any) -> None:
            stored.append(len(store.installations.page().installations))
            refuse("Only <b>customers</b> may install it.")

        listeners.before_install(check if is_async else lambda refuse: refuse("Only <b>customers</b> may install it."))
        page = await install(browser, base_url, slack)
        assert page.code == 403
        assert b"Only &lt;b&gt;customers&lt;/b&gt; may install it." in page.body
        assert b"was removed from your workspace again" in page.body
        assert not any(stored)
        assert not store.installations.page().installations
        assert not live_tokens(slack)

    @pytest.mark.gen_test
    async def test_the_check_can_ask_slack_with_the_new_token(
        self, browser: Browser, base_url: str, slack: Slack, listeners: App
    ) -> None:
        answers: list[Any] = []

        async def check(client: AsyncWebClient) -> None:
            answers.append((await client.auth_test())["team_id"])

        listeners.before_install(check)
        assert (await install(browser, base_url, slack)).code == 200
        assert answers == ["T0ACME"]

    @pytest.mark.gen_test
    async def test_a_check_that_fails_or_is_slow_refuses(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, listeners: App
    ) -> None:
        checks = [ValueError("sentinel"), None]

        async def check() -> None:
            error = checks.pop(0)
            if error is not None:
                raise error
            await asyncio.sleep(10)

        listeners.before_install(check)
        for _ in range(2):
            page = await install(browser, base_url, slack)
            assert page.code == 500
            assert b"could not find out whether" in page.body
            assert b"sentinel" not in page.body
        assert not store.installations.page().installations
        assert not live_tokens(slack)

    @pytest.mark.gen_test
    async def test_the_first_refusal_of_several_functions_counts(
        self, browser: Browser, base_url: str, slack: Slack, listeners: App
    ) -> None:
        for reason in ("", "second"):
            listeners.before_install(lambda refuse, reason=reason: refuse(reason))
        page = await install(browser, base_url, slack)
        assert page.code == 403
        assert b"does not accept this installation" in page.body

    @pytest.mark.gen_test
    async def test_refuse_works_only_before_an_install(
        self, installed: Slack, services: Services, http_server: object, listeners: App
    ) -> None:
        errors: list[Exception] = []
        listeners.event("app_mention")(lambda refuse: refuse("no"))
        listeners.error(lambda error: errors.append(error))
        await installed.sender.event(installed.workspace(), {"type": "app_mention", "channel": "C1"})
        await until(lambda: errors)
        assert "only in a before_install" in str(errors[0])


class TestInstalled:
    @pytest.mark.gen_test
    async def test_listeners_run_with_the_installations_ids_and_a_client(
        self, browser: Browser, base_url: str, slack: Slack, listeners: App
    ) -> None:
        seen: list[Any] = []

        @listeners.installed
        async def welcome(client: AsyncWebClient, context: Any, event: dict[str, Any]) -> None:
            await client.chat_postMessage(channel=event["user"], text="Welcome")
            seen.append((context.enterprise_id, context.team_id, context.user_id, event["team_name"]))

        await install(browser, base_url, slack)
        await until(lambda: seen)
        assert seen == [(None, "T0ACME", "U0ALICE", "Acme")]
        [message] = slack.world.messages
        assert (message.channel, message.text) == ("D0ALICE", "Welcome")

    @pytest.mark.gen_test
    async def test_they_run_for_an_org_wide_install(
        self, browser: Browser, base_url: str, slack: Slack, listeners: App
    ) -> None:
        seen: list[Any] = []
        listeners.installed(
            lambda enterprise_id, team_id, is_enterprise_install: seen.append(
                (enterprise_id, team_id, is_enterprise_install)
            )
        )
        await install(browser, base_url, slack, "T0CEDAR", org_wide=True)
        await until(lambda: seen)
        assert seen == [("E0FOREST", None, True)]

    @pytest.mark.gen_test
    async def test_the_event_is_stored_together_with_the_installation(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, services: Services, listeners: App
    ) -> None:
        """So a crash at any moment loses neither without the other, and the next start runs the listener."""
        blocked = threading.Event()
        listeners.installed(lambda: blocked.wait(5))
        await services.events.drain(1)  # nothing takes the event, as after a crash
        await install(browser, base_url, slack)
        [event] = store.inbox.take_replays()
        assert b"xox" not in event.body
        assert [found.event_id for found in store.inbox.recover()] == [event.event_id]
        store.inbox.commit(outcomes=[Outcome(OutcomeKind.DONE, event)])
        blocked.set()

    @pytest.mark.gen_test
    async def test_a_listener_that_fails_is_retried(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, services: Services, listeners: App
    ) -> None:
        runs: list[int] = []

        def fail(attempt: int) -> None:
            runs.append(attempt)
            raise ValueError("no")

        listeners.installed(fail)
        await install(browser, base_url, slack)
        await until(lambda: services.metrics.events_retried._value)
        assert runs == [1]

    @pytest.mark.gen_test
    async def test_nothing_is_stored_if_no_listener_is_for_it(
        self, browser: Browser, base_url: str, slack: Slack, store: Store, services: Services, listeners: App
    ) -> None:
        listeners.event("app_mention")(lambda: None)
        await services.events.drain(1)
        await install(browser, base_url, slack)
        assert not store.inbox.take_replays()

    @pytest.mark.gen_test
    async def test_a_signed_request_cannot_pretend_to_be_one_of_the_servers_own_events(
        self, installed: Slack, services: Services, http_server: object, listeners: App
    ) -> None:
        runs: list[object] = []
        listeners.installed(lambda event: runs.append(event))
        body = installed.sender.event_body(installed.workspace(), {"type": "installed"})
        forged = body.replace(b"event_callback", b"latchkey_installed")
        response = await installed.sender.send("event", forged, "application/json")
        assert response.status == 400
        assert not runs

    @pytest.mark.gen_test
    async def test_event_listeners_with_a_pattern_do_not_get_it(
        self, browser: Browser, base_url: str, slack: Slack, listeners: App
    ) -> None:
        runs: list[str] = []
        listeners.event(re.compile(".*"))(lambda event: runs.append("pattern"))
        listeners.installed(lambda event: runs.append("installed"))
        await install(browser, base_url, slack)
        await until(lambda: runs)
        assert runs == ["installed"]


class TestWithoutABot:
    @pytest.fixture
    def settings(self) -> dict[str, object]:
        return {"scopes": [], "user_scopes": ["search:read"]}

    @pytest.mark.gen_test
    async def test_the_client_of_both_has_the_installers_token(
        self, browser: Browser, base_url: str, slack: Slack, listeners: App
    ) -> None:
        users: list[Any] = []

        async def note(client: AsyncWebClient) -> None:
            users.append((await client.auth_test())["user_id"])

        listeners.before_install(note)
        listeners.installed(note)
        assert (await install(browser, base_url, slack)).code == 200
        await until(lambda: len(users) == 2)
        assert users == ["U0ALICE", "U0ALICE"]


class TestUninstalled:
    @pytest.mark.gen_test
    async def test_listeners_run_after_an_uninstall_without_a_token(
        self, installed: Slack, services: Services, http_server: object, listeners: App, store: Store
    ) -> None:
        seen: list[Any] = []
        listeners.uninstalled(lambda team_id, bot_token: seen.append((team_id, bot_token)))
        await installed.sender.event(installed.workspace(), {"type": "app_uninstalled"})
        await until(lambda: seen)
        assert seen == [("T0ACME", None)]
        assert not store.installations.page().installations
