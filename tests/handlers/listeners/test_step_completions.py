"""Each run of a custom step is completed once, whatever fails."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from latchkey.dispatch import App
from latchkey.handlers import Services
from latchkey.simulator import Slack
from latchkey.storage import Store
from tests.handlers.listeners.steps import completions, run
from tests.support.stores import failed
from tests.support.waiting import until


@pytest.fixture
def settings() -> dict[str, Any]:
    """Retries come soon."""
    return {"retry_delay": lambda attempts, chance: 0.01, "ack_timeout": 2.0}


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
@pytest.mark.parametrize("settings", [{"retry_delay": lambda attempts, chance: 0.01, "events": {"max_attempts": 2}}])
async def test_a_replay_of_a_failed_event_does_not_complete_its_run_again(
    http_server: object, installed: Slack, listeners: App, store: Store, services: Services
) -> None:
    ran: list[int] = []

    @listeners.function("greet")
    async def step(complete: Any) -> None:
        await complete({"run": len(ran)})
        ran.append(len(ran))
        if len(ran) < 3:
            raise ValueError("fails after it has completed the step")

    executed = await run(installed, lambda: len(ran), 2)
    await until(lambda: failed(store))
    [event] = failed(store)
    assert store.event_admin.replay(event.event_id)
    services.events.check_replays()
    await until(lambda: len(ran) == 3)
    assert (executed.outputs, completions(installed)) == ({"run": 0}, ["ok"])


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
