"""A person stops the reply of a mounted app: its listener does not run again."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from latchkey.handlers import Services
from latchkey.simulator import Slack
from tests.bolt.flavours import both_flavours, new_app
from tests.support.counts import count
from tests.support.waiting import until

THREAD = "1.1"
MESSAGE = {
    "type": "message", "channel": "D0ALICE", "channel_type": "im", "user": "U0ALICE", "text": "hi", "ts": THREAD,
}  # fmt: skip


def replying_app(may_go_on: threading.Event, last: str, *, is_async: bool) -> Any:
    """Return an app that begins a stream, and adds to it or ends it once the test lets it."""
    app = new_app(is_async)
    if is_async:

        @app.message("hi")
        async def reply(say_stream: Any) -> None:
            stream = await say_stream(buffer_size=1)
            await stream.append(markdown_text="Once upon ")
            await until(may_go_on.is_set)
            await getattr(stream, last)(markdown_text="a time")

    else:

        @app.message("hi")
        def reply_blocking(say_stream: Any) -> None:
            stream = say_stream(buffer_size=1)
            stream.append(markdown_text="Once upon ")
            may_go_on.wait(10)
            getattr(stream, last)(markdown_text="a time")

    return app


@pytest.mark.gen_test
@both_flavours
@pytest.mark.parametrize("last", ["append", "stop"])
async def test_a_stopped_reply_is_not_begun_again(
    installed: Slack, mount: Callable[[Any], Any], services: Services, is_async: bool, last: str
) -> None:
    may_go_on = threading.Event()
    mount(replying_app(may_go_on, last, is_async=is_async))
    acme = installed.workspace()
    assert (await installed.sender.event(acme, MESSAGE)).status == 200
    await until(lambda: installed.world.messages)
    assert (await installed.people.stop_agent(acme, "D0ALICE", THREAD)).status == 200
    may_go_on.set()
    await until(lambda: count(services.metrics, "events_finished"))
    assert [message.text for message in installed.world.messages] == ["Once upon "]
    assert count(services.metrics, "events_retried") == 0
