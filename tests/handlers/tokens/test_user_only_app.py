"""An app with user scopes only, from its install to its end."""

from dataclasses import replace
from typing import Any

import pytest

from latchkey.dispatch import App
from latchkey.handlers.services import Services
from latchkey.simulator import Browser, Slack
from latchkey.storage import Store
from tests.handlers.install.flow import authorize_url
from tests.support.counts import count
from tests.support.waiting import until

USER_SCOPES = {"scopes": [], "user_scopes": ["chat:write", "channels:history"]}
MODAL = {
    "type": "modal",
    "callback_id": "form",
    "title": {"type": "plain_text", "text": "Form"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [{"type": "input", "block_id": "b", "element": {"type": "plain_text_input", "action_id": "a"}}],
}


@pytest.fixture
def settings() -> dict[str, Any]:
    return dict(USER_SCOPES)


@pytest.fixture
def ended(listeners: App) -> list[str]:
    """The uninstall events whose listener ran, with a listener of each kind registered beside it."""
    seen: list[str] = []

    @listeners.event("message")
    async def message(event: dict[str, Any], say: Any) -> None:
        await say(f"read {event['text']}")

    @listeners.command("/form")
    async def form(ack: Any, respond: Any, client: Any, body: dict[str, Any]) -> None:
        await ack("opening")
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)
        await respond("opened")

    @listeners.view("form")
    async def submitted(ack: Any, client: Any, user_client: Any, context: Any) -> None:
        await ack()
        assert client.token == user_client.token == context.user_token
        assert context.bot_token is None
        await client.chat_postMessage(channel="C0GENERAL", text=f"submitted by {context.user_id}")

    @listeners.event("app_uninstalled")
    async def uninstalled(context: Any) -> None:
        seen.append(f"token: {context.user_token}")

    return seen


async def install(slack: Slack, browser: Browser, base_url: str, user_id: str = "U0ALICE") -> None:
    url = await authorize_url(browser, base_url)
    assert (await browser.open(slack.approve(url, user_id=user_id))).code == 200


def message(user_id: str, text: str) -> dict[str, Any]:
    return {"type": "message", "user": user_id, "text": text, "channel": "C0GENERAL", "ts": "1.2"}


def texts(slack: Slack) -> list[tuple[str, str]]:
    return [(found.author, found.text) for found in slack.world.messages]


@pytest.mark.gen_test(timeout=20)
async def test_user_only_app_works_from_its_install_to_its_end(
    base_url: str, slack: Slack, browser: Browser, store: Store, ended: list[str], services: Services
) -> None:
    acme = slack.workspace()
    await install(slack, browser, base_url)

    assert (await slack.sender.event(acme, message("U0ALICE", "hello"))).status == 200
    await until(lambda: ("U0ALICE", "read hello") in texts(slack))

    assert (await slack.people.command(acme, "/form")).body == "opening"
    await until(lambda: slack.world.views)
    await until(lambda: "opened" in [text for _, text in texts(slack)])

    (opened,) = slack.world.views.values()
    assert (await slack.people.submit(opened, {"b": {"a": {"type": "plain_text_input", "value": "x"}}})).status == 200
    await until(lambda: ("U0ALICE", "submitted by U0ALICE") in texts(slack))

    assert all(answer.status == 200 for answer in await slack.people.uninstall(acme))
    await until(lambda: ended)
    assert ended == ["token: None"]
    assert not store.installations.page().installations
    assert "Please install this app first!" in (await slack.sender.command(acme, "/form")).body
    assert count(services.metrics, "events_retried") == 0


@pytest.mark.gen_test(timeout=20)
async def test_each_person_of_a_user_only_app_acts_with_their_own_token(
    base_url: str, slack: Slack, browser: Browser, ended: list[str], services: Services
) -> None:
    acme = slack.workspace()
    await install(slack, browser, base_url, "U0ALICE")
    await install(slack, browser, base_url, "U0BOB")
    for user_id in ("U0ALICE", "U0BOB", "U0CAROL"):
        assert (await slack.sender.event(acme, message(user_id, user_id))).status == 200
    await until(lambda: len(texts(slack)) == 2 and count(services.metrics, "events_finished") == 3)
    assert sorted(texts(slack)) == [("U0ALICE", "read U0ALICE"), ("U0BOB", "read U0BOB")]
    carol = replace(acme, user_id="U0CAROL")
    assert "Please install this app first!" in (await slack.sender.command(carol, "/form")).body


class TestActingAsTheInstaller:
    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {**USER_SCOPES, "act_as_installer": True}

    @pytest.mark.gen_test(timeout=20)
    async def test_everybody_is_served_with_the_latest_installers_token(
        self, base_url: str, slack: Slack, browser: Browser, ended: list[str]
    ) -> None:
        await install(slack, browser, base_url, "U0ALICE")
        await install(slack, browser, base_url, "U0BOB")
        assert (await slack.sender.event(slack.workspace(), message("U0CAROL", "hello"))).status == 200
        await until(lambda: texts(slack))
        assert texts(slack) == [("U0BOB", "read hello")]
