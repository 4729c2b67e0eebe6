"""Custom steps of workflows: their inputs and tokens, what ends them, and their buttons."""

from typing import Any

import pytest

from latchkey.dispatch import App
from latchkey.simulator import Slack
from tests.handlers.listeners.steps import completions, run
from tests.support.waiting import until


@pytest.fixture
def settings() -> dict[str, Any]:
    """A busy machine gets time for `ack`."""
    return {"ack_timeout": 2.0}


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
