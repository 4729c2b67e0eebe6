"""Custom steps of workflows: each run is completed once, whatever fails."""

from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from latchkey.dispatch import App
from latchkey.simulator import Slack
from tests.support.waiting import until


@pytest.fixture
def settings() -> dict[str, Any]:
    """Retries come soon."""
    return {"retry_delay": lambda attempts, chance: 0.01, "ack_timeout": 2.0}


def completions(slack: Slack) -> list[str]:
    """Return the responses to the calls that end a run."""
    calls = [call for call in slack.world.calls if call.method.startswith("functions.complete")]
    return ["ok" if call.response["ok"] else call.response["error"] for call in calls]


async def run(slack: Slack, count: Callable[[], int], runs: int = 1) -> Any:
    """Start a run of the step; return it when its listener has run this number of times."""
    run, answer = await slack.functions.execute(slack.workspace(), "greet", {"name": "Bob"})
    assert answer.status == 200
    await until(lambda: count() >= runs)
    return run


@pytest.mark.gen_test
@pytest.mark.parametrize("is_async", [True, False])
async def test_a_step_gets_its_inputs_and_completes_with_its_own_token(
    http_server: object, installed: Slack, listeners: App, is_async: bool
) -> None:
    seen: list[Any] = []

    async def step(inputs: Any, complete: Any, fail: Any, client: Any, context: Any) -> None:
        response = await complete({"greeting": f"Hello {inputs['name']}!"})
        seen.append([response["ok"], complete.has_been_called(), fail.has_been_called(), client.token, context.inputs])

    def blocking_step(inputs: Any, complete: Any, fail: Any, client: Any, context: Any) -> None:
        response = complete(outputs={"greeting": f"Hello {inputs['name']}!"})
        seen.append([response["ok"], complete.has_been_called(), fail.has_been_called(), client.token, context.inputs])

    listeners.function("greet")(step if is_async else blocking_step)
    listeners.function("other")(lambda complete: seen.append("other"))
    executed = await run(installed, lambda: len(seen))
    assert seen == [[True, True, False, executed.token, {"name": "Bob"}]]
    assert executed.outputs == {"greeting": "Hello Bob!"}
    assert completions(installed) == ["ok"]


@pytest.mark.gen_test
async def test_a_step_may_fail(http_server: object, installed: Slack, listeners: App) -> None:
    done: list[bool] = []

    @listeners.function("greet")
    async def step(fail: Any) -> None:
        await fail("no such person")
        done.append(fail.has_been_called())

    executed = await run(installed, lambda: len(done))
    assert (executed.error, executed.outputs, done) == ("no such person", None, [True])


@pytest.mark.gen_test
@pytest.mark.parametrize("end", ["complete", "fail", "client"])
async def test_a_retry_does_not_complete_a_run_again(
    http_server: object, installed: Slack, listeners: App, end: str
) -> None:
    answers: list[Any] = []

    @listeners.function("greet")
    async def step(complete: Any, fail: Any, client: Any, context: Any) -> None:
        if context.attempt == 1 or end == "complete":
            answers.append(await complete({"attempt": context.attempt}))
        elif end == "fail":
            answers.append(await fail("too late"))
        else:
            answers.append(
                await client.functions_completeSuccess(function_execution_id=context.function_execution_id, outputs={})
            )
        if context.attempt < 3:
            raise ValueError("fails after it has completed the step")

    executed = await run(installed, lambda: len(answers), 3)
    assert (executed.outputs, executed.error) == ({"attempt": 1}, None)
    assert completions(installed) == ["ok"]
    assert all(answer["ok"] for answer in answers)


@pytest.mark.gen_test
@pytest.mark.parametrize("is_async", [True, False])
async def test_a_lost_answer_counts_when_slack_says_that_the_run_is_over(
    http_server: object, installed: Slack, listeners: App, is_async: bool
) -> None:
    attempts: list[int] = []

    async def step(complete: Any, attempt: int) -> None:
        await complete({"attempt": attempt})
        attempts.append(attempt)

    def blocking_step(complete: Any, attempt: int) -> None:
        complete({"attempt": attempt})
        attempts.append(attempt)

    listeners.function("greet")(step if is_async else blocking_step)
    installed.fail("functions.completeSuccess", acts=True, closes=True)
    executed = await run(installed, lambda: len(attempts))
    assert (attempts, executed.outputs) == ([2], {"attempt": 1})
    # The step's token ended with the run, so the second call was sent with the step's token and then with the bot's.
    assert completions(installed) == ["ok", "token_revoked", "function_execution_not_found"]


@pytest.mark.gen_test
async def test_a_call_that_never_arrived_is_made_by_the_retry(
    http_server: object, installed: Slack, listeners: App
) -> None:
    attempts: list[int] = []

    @listeners.function("greet")
    async def step(complete: Any, attempt: int) -> None:
        await complete({"attempt": attempt})
        attempts.append(attempt)

    installed.fail("functions.completeSuccess", closes=True)
    executed = await run(installed, lambda: len(attempts))
    assert (attempts, executed.outputs, completions(installed)) == ([2], {"attempt": 2}, ["ok"])


@pytest.mark.gen_test
async def test_a_lost_answer_counts_in_the_same_attempt_too(
    http_server: object, installed: Slack, listeners: App
) -> None:
    """As with Bolt's pattern: complete, and fail if that raises."""
    attempts: list[int] = []

    @listeners.function("greet")
    async def step(complete: Any, fail: Any, attempt: int) -> None:
        try:
            await complete({})
        except Exception as error:  # noqa: BLE001
            await fail(str(error))
        attempts.append(attempt)

    installed.fail("functions.completeSuccess", acts=True, closes=True)
    executed = await run(installed, lambda: len(attempts))
    assert (attempts, executed.outputs, executed.error) == ([1], {}, None)


@pytest.mark.gen_test
async def test_slacks_refusal_of_the_first_completion_reaches_the_listener(
    http_server: object, installed: Slack, listeners: App
) -> None:
    errors: list[str] = []

    @listeners.function("greet")
    async def step(complete: Any) -> None:
        try:
            await complete({})
        except SlackApiError as error:
            errors.append(error.response["error"])

    installed.fail("functions.completeSuccess", error="function_execution_not_found")
    await run(installed, lambda: len(errors))
    assert errors == ["function_execution_not_found"]


@pytest.mark.gen_test
async def test_of_several_listeners_the_first_completes_the_run(
    http_server: object, installed: Slack, listeners: App
) -> None:
    done: list[str] = []

    async def first(complete: Any) -> None:
        await complete({"by": "first"})
        done.append("first")

    async def second(fail: Any) -> None:
        await fail("by second")
        done.append("second")

    listeners.function("greet")(first)
    listeners.event("function_executed")(second)
    executed = await run(installed, lambda: len(done), 2)
    assert (executed.outputs, executed.error, completions(installed)) == ({"by": "first"}, None, ["ok"])


@pytest.mark.gen_test
async def test_the_run_of_another_step_is_completed_by_its_id(
    http_server: object, installed: Slack, listeners: App
) -> None:
    """A listener may complete a run that waits, from the event of another one."""
    done: list[int] = []
    waiting, _ = await installed.functions.execute(installed.workspace(), "wait", {})

    @listeners.function("greet")
    async def step(client: Any, complete: Any) -> None:
        await complete({})
        await client.functions_completeSuccess(function_execution_id=waiting.execution_id, outputs={"n": 1})
        done.append(1)

    executed = await run(installed, lambda: len(done))
    assert (executed.outputs, waiting.outputs) == ({}, {"n": 1})


@pytest.mark.gen_test
@pytest.mark.parametrize("is_async", [True, False])
async def test_a_button_of_a_step_completes_it_hours_later(
    http_server: object, installed: Slack, listeners: App, clock: Any, is_async: bool
) -> None:
    seen: list[Any] = []

    async def approve(ack: Any, complete: Any, inputs: Any, context: Any) -> None:
        await ack()
        await complete({"approved": True})
        seen.append([inputs, complete.function_execution_id == context.function_execution_id])

    def approve_blocking(ack: Any, complete: Any, inputs: Any, context: Any) -> None:
        ack()
        complete({"approved": True})
        seen.append([inputs, complete.function_execution_id == context.function_execution_id])

    listeners.action("approve")(approve if is_async else approve_blocking)
    executed, _ = await installed.functions.execute(installed.workspace(), "greet", {"name": "Bob"})
    clock.now += 3 * 3600
    assert (await installed.functions.block_action(executed, {"action_id": "approve"})).status == 200
    await until(lambda: seen)
    assert (executed.outputs, seen) == ({"approved": True}, [[{"name": "Bob"}, True]])
    assert completions(installed) == ["token_expired", "ok"]


@pytest.mark.gen_test
async def test_outside_of_a_step_they_raise(http_server: object, installed: Slack, listeners: App) -> None:
    raised: list[str] = []

    @listeners.command("/hi")
    async def listener(ack: Any, complete: Any, fail: Any, inputs: Any) -> None:
        for call in (lambda: complete({}), lambda: fail("x")):
            with pytest.raises(ValueError, match="belongs to no run") as error:
                await call()
            raised.append(str(error.value))
        assert inputs is None
        assert not complete.has_been_called()
        await ack()

    assert (await installed.sender.command(installed.workspace(), "/hi")).status == 200
    assert len(raised) == 2
