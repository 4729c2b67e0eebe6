"""Custom steps of a mounted app: their inputs, their token, and what ends them."""

import inspect
import threading
from collections.abc import Callable
from typing import Any

import pytest
from slack_bolt import App
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError

from latchkey.handlers import Services
from latchkey.simulator import Slack, Token
from tests.bolt.flavours import both_flavours as both
from tests.bolt.flavours import fit, new_app
from tests.support.counts import count
from tests.support.waiting import until

Mount = Callable[[Any], Any]


def retried_app(seen: list[str], *, is_async: bool, lazy: bool = False) -> Any:
    """Return an app with a step that fails twice after it has completed, and the details of a Work Object."""
    app = new_app(is_async)

    def note(attempt: int) -> None:
        seen.append(f"{attempt}")
        if attempt < 3:
            raise ValueError("fails after it has completed the step")

    def step(complete: Any, fail: Any, context: Any) -> Any:
        attempt = context["attempt"]
        response = complete({"n": attempt}) if attempt < 3 else fail("too late")
        return _then(response, lambda answer: note(attempt) if answer["ok"] else None)

    def details(context: Any) -> None:
        note(context["attempt"])

    if lazy:
        app.function("greet")(ack=fit(app, lambda ack: ack()), lazy=[fit(app, step)])
    else:
        app.function("greet")(fit(app, step))
    app.event("entity_details_requested")(fit(app, details))
    return app


def _then(response: Any, use: Callable[[Any], None]) -> Any:
    """Call a function with a response, or with the result of a coroutine, and then return a coroutine."""
    if not inspect.isawaitable(response):
        return use(response)

    async def use_later() -> None:
        use(await response)

    return use_later()


def completions(slack: Slack) -> list[str]:
    calls = [call for call in slack.world.calls if call.method.startswith("functions.complete")]
    return ["ok" if call.response["ok"] else call.response["error"] for call in calls]


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


@pytest.mark.gen_test
@both
@pytest.mark.parametrize("lazy", [False, True])
async def test_a_retry_does_not_complete_a_run_again(
    installed: Slack, mount: Mount, seen: list[str], is_async: bool, lazy: bool
) -> None:
    mount(retried_app(seen, is_async=is_async, lazy=lazy))
    run, _ = await installed.functions.execute(installed.workspace(), "greet", {})
    await until(lambda: len(seen) == 3)
    assert (run.outputs, run.error, completions(installed)) == ({"n": 1}, None, ["ok"])


@pytest.mark.gen_test
@both
async def test_a_lost_answer_counts_when_slack_says_that_the_run_is_over(
    installed: Slack, mount: Mount, seen: list[str], is_async: bool
) -> None:
    mount(retried_app(seen, is_async=is_async))
    installed.fail("functions.completeSuccess", acts=True, status=500)
    run, _ = await installed.functions.execute(installed.workspace(), "greet", {})
    await until(lambda: seen == ["2", "3"])
    assert run.outputs == {"n": 1}
    assert completions(installed) == ["ok", "token_revoked", "function_execution_not_found"]


@pytest.mark.gen_test
@both
async def test_an_event_with_a_trigger_is_not_retried(
    installed: Slack, mount: Mount, seen: list[str], services: Services, is_async: bool
) -> None:
    mount(retried_app(seen, is_async=is_async))
    assert (await installed.people.open_details(installed.workspace(), "https://example.com/7")).status == 200
    await until(lambda: count(services.metrics, "events_failed"))
    assert seen == ["1"]


@pytest.mark.gen_test
@both
async def test_an_event_with_a_trigger_does_not_wait_for_other_events(
    installed: Slack, mount: Mount, services: Services, is_async: bool
) -> None:
    gate, begun = threading.Event(), []
    app = new_app(is_async)
    if is_async:

        @app.event("app_mention")
        async def wait() -> None:
            begun.append("wait")
            await until(gate.is_set)

    else:

        @app.event("app_mention")
        def wait_blocking() -> None:
            begun.append("wait")
            gate.wait(10)

    app.event("entity_details_requested")(fit(app, gate.set))
    mount(app)
    acme = installed.workspace()
    for number in range(10):  # an App has five threads
        event = {"type": "app_mention", "user": "U0ALICE", "text": f"{number}", "channel": acme.channel_id}
        assert (await installed.sender.event(acme, event)).status == 200
    await until(lambda: len(begun) >= 4)
    assert (await installed.people.open_details(acme, "https://example.com/7")).status == 200
    await until(lambda: count(services.metrics, "events_finished") == 11)
