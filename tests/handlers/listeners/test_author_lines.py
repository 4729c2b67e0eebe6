"""What is stored of a listener's error names the author's line, wherever the error was raised."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from latchkey.dispatch import App, load_listeners
from latchkey.simulator import Slack
from latchkey.storage import Store
from tests.support.stores import failed
from tests.support.waiting import until

MODULE = """
import asyncio
import json


def register(app):
    for listener in LISTENERS:
        app.event("app_mention")(listener)


async def own():
    raise ValueError("sentinel")  # line of own


async def from_the_sdk(say):
    await say("sentinel")  # line of from_the_sdk


def from_the_sdk_in_a_thread(say):
    say("sentinel")  # line of from_the_sdk_in_a_thread


async def from_respond(respond):
    await respond("sentinel")  # line of from_respond


async def from_the_standard_library():
    json.loads("{")  # line of from_the_standard_library


async def from_a_callback():
    json.loads("{}", object_hook=callback)


def callback(value):
    return value["sentinel"]  # line of callback


async def chained(say):
    try:
        await say("sentinel")
    except Exception as error:
        raise RuntimeError("sentinel") from error  # line of chained


async def while_handling(say):
    try:
        await say("sentinel")
    except Exception:
        {}["sentinel"]  # line of while_handling


async def in_a_group():
    async with asyncio.TaskGroup() as group:
        group.create_task(part())


async def part():
    raise KeyError("sentinel")  # line of part


async def in_a_thread():
    await asyncio.to_thread(json.loads, "{")  # line of in_a_thread


def in_generated_code():
    exec("1 / 0")  # line of in_generated_code


LISTENERS = [
    own, from_the_sdk, from_the_sdk_in_a_thread, from_respond, from_the_standard_library, from_a_callback, chained,
    while_handling, in_a_group, in_a_thread, in_generated_code,
]
"""
ERRORS = {
    "own": ("ValueError", "own"),
    "from_the_sdk": ("SlackApiError (invalid_auth)", "from_the_sdk"),
    "from_the_sdk_in_a_thread": ("SlackApiError (invalid_auth)", "from_the_sdk_in_a_thread"),
    "from_respond": ("ValueError", "from_respond"),
    "from_the_standard_library": ("JSONDecodeError", "from_the_standard_library"),
    "from_a_callback": ("KeyError", "callback"),
    "chained": ("RuntimeError", "chained"),
    "while_handling": ("KeyError", "while_handling"),
    "in_a_group": ("ExceptionGroup", "part"),
    "in_a_thread": ("JSONDecodeError", "in_a_thread"),
    "in_generated_code": ("ZeroDivisionError", "in_generated_code"),
}
"""For each listener, its error, and the function that contains the author's line."""
LINES = {
    line.partition("# line of ")[2]: number
    for number, line in enumerate(MODULE.splitlines(), 1)
    if "# line of " in line
}


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"events": {"max_attempts": 1}}


@pytest.fixture(params=["ours", "venv/lib/python3/site-packages"])
def listeners(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    """The listeners of a module that is next to config.toml, or installed."""
    folder, path = tmp_path / request.param, list(sys.path)
    folder.mkdir(parents=True)
    (folder / "their_app.py").write_text(MODULE)
    yield load_listeners(["their_app"], folder)
    sys.path[:] = path
    del sys.modules["their_app"]


@pytest.mark.gen_test
async def test_the_authors_line_is_stored(http_server: object, installed: Slack, store: Store) -> None:
    installed.fail("chat.postMessage", times=10, error="invalid_auth")
    assert (await installed.sender.mention(installed.workspace(), "hello")).status == 200
    await until(lambda: failed(store))
    [event] = failed(store)
    errors = dict(part.split(": ", 1) for part in event.error.split("; "))
    assert errors == {
        f"their_app.{listener}": f"{error} at their_app.py:{LINES[function]} in {function}"
        for listener, (error, function) in ERRORS.items()
    }
    assert "sentinel" not in json.dumps(errors)
