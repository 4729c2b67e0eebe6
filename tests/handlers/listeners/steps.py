"""Starts runs of custom steps, and reads what ended them."""

from collections.abc import Callable
from typing import Any

from latchkey.simulator import Slack
from tests.support.waiting import until


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
