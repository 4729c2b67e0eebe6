"""Custom steps of a mounted app: their inputs, their token, and what ends them."""

from collections.abc import Callable
from typing import Any

import pytest
from slack_bolt import App
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError

from latchkey.simulator import Slack, Token
from tests.bolt.flavours import new_app
from tests.support.waiting import until

Mount = Callable[[Any], Any]
both = pytest.mark.parametrize("is_async", [True, False], ids=["AsyncApp", "App"])


def step_app(*, is_async: bool) -> Any:
    """Return an app with a step that posts a button, and one that returns options; a click completes the first."""
    if is_async:
        app: Any = AsyncApp(signing_secret="s", token="xoxb-own")

        @app.function("ask")
        async def ask_async(inputs: Any, say: Any) -> None:
            await say(channel=inputs["user_id"], text="Approve?")

        @app.action("approve")
        async def approve_async(ack: Any, complete: Any, client: Any, context: Any) -> None:
            await ack()
            await complete(outputs={"by": context.actor_user_id})
            await client.chat_postMessage(channel="C0GENERAL", text="after")

        @app.function("options", auto_acknowledge=False)
        async def options_async(ack: Any, complete: Any) -> None:
            await complete(outputs={"options": []})
            await ack()

        return app
    app = App(signing_secret="s", token="xoxb-own", token_verification_enabled=False)

    @app.function("ask")
    def ask(inputs: Any, say: Any) -> None:
        say(channel=inputs["user_id"], text="Approve?")

    @app.action("approve")
    def approve(ack: Any, complete: Any, client: Any, context: Any) -> None:
        ack()
        complete(outputs={"by": context.actor_user_id})
        client.chat_postMessage(channel="C0GENERAL", text="after")

    @app.function("options", auto_acknowledge=False)
    def options(ack: Any, complete: Any) -> None:
        complete(outputs={"options": []})
        ack()

    return app


@pytest.mark.gen_test
@both
async def test_after_completing_its_step_a_listener_acts_with_the_workspaces_token(
    installed: Slack, mount: Mount, is_async: bool
) -> None:
    mount(step_app(is_async=is_async))
    acme = installed.workspace()
    run, response = await installed.functions.execute(acme, "ask", {"user_id": "U0ALICE"})
    assert response.status == 200
    await until(lambda: [message.text for message in installed.world.messages] == ["Approve?"])
    assert run.outputs is None
    action = {"action_id": "approve", "block_id": "b", "value": "v"}
    assert (await installed.functions.block_action(run, action)).status == 200
    await until(lambda: installed.world.messages[-1].text == "after")
    assert run.outputs == {"by": "U0ALICE"}
    refused = [call.method for call in installed.world.calls if not call.response["ok"]]
    assert refused == ["chat.postMessage"]  # with the step's token, which is revoked when the step is complete


@pytest.mark.gen_test
@both
async def test_a_step_that_acknowledges_itself_is_answered_when_it_has_completed(
    installed: Slack, mount: Mount, is_async: bool
) -> None:
    mount(step_app(is_async=is_async))
    run, response = await installed.functions.execute(installed.workspace(), "options", {})
    assert response.status == 200
    await until(lambda: run.outputs == {"options": []})


@pytest.mark.gen_test
@both
async def test_a_token_that_the_caller_has_chosen_is_never_replaced_by_the_workspaces(
    installed: Slack, mount: Mount, is_async: bool
) -> None:
    person = installed.world.issue_token("xoxp", Token(installed.workspace(), "U0ALICE", False, False, "chat:write"))
    installed.world.token_book.revoke(person)
    refused: list[str] = []
    app = new_app(is_async)

    async def step_async(client: Any) -> None:
        with pytest.raises(SlackApiError) as caught:
            await client.chat_postMessage(channel="C0GENERAL", text="x", token=person)
        refused.append(caught.value.response["error"])

    def step(client: Any) -> None:
        with pytest.raises(SlackApiError) as caught:
            client.chat_postMessage(channel="C0GENERAL", text="x", token=person)
        refused.append(caught.value.response["error"])

    app.function("ask")(step_async if is_async else step)
    mount(app)
    await installed.functions.execute(installed.workspace(), "ask", {})
    await until(lambda: refused)
    assert refused == ["token_revoked"]
    assert installed.world.messages == []
