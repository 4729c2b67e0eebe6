"""Custom steps of a workflow: their own tokens are used, and the bot's once they are revoked."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from latchkey.dispatch import App
from latchkey.simulator import Slack, Token
from tests.support.waiting import until


@pytest.mark.gen_test
@pytest.mark.parametrize("is_async", [True, False])
async def test_a_revoked_token_of_a_step_is_replaced_by_the_bots(
    http_server: object, installed: Slack, listeners: App, is_async: bool
) -> None:
    used: list[str] = []

    async def step(client: Any, inputs: Any = None) -> None:
        for text in ("first", "second", "third"):
            used.append(client.token)
            await client.chat_postMessage(channel="C0GENERAL", text=text)
            installed.world.token_book.revoke(used[0])

    def blocking_step(client: Any) -> None:
        for text in ("first", "second", "third"):
            used.append(client.token)
            client.chat_postMessage(channel="C0GENERAL", text=text)
            installed.world.token_book.revoke(used[0])

    listeners.event("function_executed")(step if is_async else blocking_step)
    run, answer = await installed.functions.execute(installed.workspace(), "greet", {})
    assert answer.status == 200
    await until(lambda: len(installed.world.messages) == 3)
    assert [message.text for message in installed.world.messages] == ["first", "second", "third"]
    assert used[0] == run.token
    # The first call with the revoked token was sent again with the bot's, and nothing was posted twice.
    refused = [call.response["error"] for call in installed.world.calls if not call.response["ok"]]
    assert refused == ["token_revoked"]


@pytest.mark.gen_test
async def test_a_button_of_a_step_uses_its_token(http_server: object, installed: Slack, listeners: App) -> None:
    used: list[str] = []

    @listeners.action("approve")
    async def approve(ack: Any, client: Any, context: Any) -> None:
        await ack()
        await client.chat_postMessage(channel="C0GENERAL", text="approved")
        used.extend([client.token, context.function_bot_access_token])

    run, _ = await installed.functions.execute(installed.workspace(), "greet", {})
    assert (await installed.functions.block_action(run, {"action_id": "approve"})).status == 200
    await until(lambda: used)
    assert used == [run.token, run.token]


@pytest.mark.gen_test
@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("whose", ["a person's", "the step's"])
async def test_a_token_that_the_caller_has_chosen_is_never_replaced_by_the_bots(
    http_server: object, installed: Slack, listeners: App, is_async: bool, whose: str
) -> None:
    person = installed.world.issue_token("xoxp", Token(installed.workspace(), "U0ALICE", False, False, "chat:write"))
    refused: list[str] = []

    def chosen(client: Any) -> str:
        token = person if whose == "a person's" else client.token
        installed.world.token_book.revoke(token)
        return str(token)

    async def step(client: Any) -> None:
        with pytest.raises(SlackApiError) as caught:
            await client.chat_postMessage(channel="C0GENERAL", text="x", token=chosen(client))
        refused.append(caught.value.response["error"])

    def blocking_step(client: Any) -> None:
        with pytest.raises(SlackApiError) as caught:
            client.chat_postMessage(channel="C0GENERAL", text="x", token=chosen(client))
        refused.append(caught.value.response["error"])

    listeners.event("function_executed")(step if is_async else blocking_step)
    await installed.functions.execute(installed.workspace(), "greet", {})
    await until(lambda: refused)
    assert refused == ["token_revoked"]
    assert installed.world.messages == []
