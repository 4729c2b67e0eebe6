"""A listener's arguments: docs/listeners.md explains each of them, and none that does not exist."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from latchkey.dispatch.listeners.arguments.context import CONTEXT_NAMES
from latchkey.dispatch.listeners.arguments.plan import PROVIDERS, CallPlan

DOCUMENT = Path(__file__).resolve().parents[4] / "docs" / "listeners.md"


def rows() -> list[tuple[str, str]]:
    """Return the cells of each row in the table of arguments, without its header."""
    section = DOCUMENT.read_text().split("\n## Arguments\n")[1].split("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [(cells[1], cells[2]) for cells in (line.split("|") for line in table[2:])]


def names_in(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def test_the_table_explains_every_argument_once_and_no_other() -> None:
    named = [name for first, _ in rows() for name in names_in(first)]
    assert sorted(named) == sorted(PROVIDERS.keys() - CONTEXT_NAMES)
    assert all(explanation.strip() for _, explanation in rows())


def test_the_table_lists_every_item_of_the_context_and_no_other() -> None:
    (explanation,) = [explanation for first, explanation in rows() if names_in(first) == ["context"]]
    assert sorted(names_in(explanation)) == sorted(CONTEXT_NAMES)
    assert PROVIDERS.keys() >= CONTEXT_NAMES, "each of them may be an argument as well"


@pytest.mark.parametrize(
    ("function", "loads"),
    [
        (lambda client: None, True),
        (lambda context: context.say("hi"), True),
        (lambda request: request.context.client, True),
        (lambda context: context.team_id, False),
        (lambda event, ack: ack(), False),
    ],
)
def test_only_a_listener_that_calls_slack_makes_the_server_load_the_client(
    function: Callable[..., Any], loads: bool
) -> None:
    assert CallPlan(function).calls_slack is loads
