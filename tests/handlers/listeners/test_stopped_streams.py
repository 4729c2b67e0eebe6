"""A person stops an agent's reply: the listener, which Slack then refuses, does not run again."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from latchkey.dispatch import App
from latchkey.dispatch.events import stopped_streams
from latchkey.handlers import Services
from latchkey.simulator import Slack
from tests.support.counts import count
from tests.support.waiting import until

CHANNEL, THREAD = "D0ALICE", "1.1"
MESSAGE = {
    "type": "message", "channel": CHANNEL, "channel_type": "im", "user": "U0ALICE", "text": "hi", "ts": THREAD,
}  # fmt: skip


@pytest.fixture
def settings() -> dict[str, Any]:
    """Retries come soon."""
    return {"retry_delay": lambda attempts, chance: 0.01}


class Reply:
    """A listener that begins a stream, and adds to it or ends it once the test lets it."""

    def __init__(self, listeners: App, *, is_async: bool = True, last: str = "append") -> None:
        self.may_go_on = False
        self.attempts = 0
        self._last = last
        listeners.message("hi")(self.write if is_async else self.write_blocking)

    async def write(self, say_stream: Any, attempt: int) -> None:
        self.attempts = attempt
        stream = await say_stream(buffer_size=1)
        await stream.append(markdown_text="Once upon ")
        while not self.may_go_on:
            await asyncio.sleep(0.005)
        await getattr(stream, self._last)(markdown_text="a time")

    def write_blocking(self, say_stream: Any, attempt: int) -> None:
        self.attempts = attempt
        stream = say_stream(buffer_size=1)
        stream.append(markdown_text="Once upon ")
        while not self.may_go_on:
            time.sleep(0.005)
        getattr(stream, self._last)(markdown_text="a time")


async def ask(slack: Slack) -> None:
    """Send a message, and wait until its reply has begun."""
    assert (await slack.sender.event(slack.workspace(), MESSAGE)).status == 200
    await until(lambda: slack.world.messages)


def replies(slack: Slack) -> list[str]:
    return [message.text for message in slack.world.messages]


@pytest.mark.gen_test
@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("last", ["append", "stop"])
async def test_a_stopped_reply_is_not_begun_again(
    http_server: object, installed: Slack, listeners: App, services: Services, is_async: bool, last: str
) -> None:
    reply = Reply(listeners, is_async=is_async, last=last)
    await ask(installed)
    assert (await installed.people.stop_agent(installed.workspace(), CHANNEL, THREAD)).status == 200
    reply.may_go_on = True
    await until(lambda: count(services.metrics, "events_finished"))
    assert (reply.attempts, replies(installed)) == (1, ["Once upon "])
    assert count(services.metrics, "events_retried") == 0


@pytest.mark.gen_test
@pytest.mark.parametrize("settings", [{"events": {"ordered": True}}])
async def test_a_stop_does_not_wait_for_the_listener_that_it_stops(
    http_server: object, installed: Slack, listeners: App, services: Services
) -> None:
    reply = Reply(listeners)

    @listeners.event("agent_session_stopped")
    async def stopped() -> None:
        reply.may_go_on = True

    await ask(installed)
    await installed.people.stop_agent(installed.workspace(), CHANNEL, THREAD)
    await until(lambda: count(services.metrics, "events_finished") == 2)
    assert (reply.attempts, replies(installed)) == (1, ["Once upon "])


@pytest.mark.gen_test
async def test_slacks_refusal_may_arrive_before_the_event(
    http_server: object, installed: Slack, listeners: App, services: Services
) -> None:
    reply = Reply(listeners, last="stop")
    await ask(installed)
    [message] = installed.world.messages
    message.is_streaming = False
    reply.may_go_on = True
    await until(lambda: [call for call in installed.world.calls if call.method == "chat.stopStream"])
    for ts in ("9.9", message.ts):  # another stream's end explains nothing
        assert not count(services.metrics, "events_finished")
        event = {"type": "agent_session_stopped", "channel": CHANNEL, "streaming_message_ts": [ts], "thread_ts": THREAD}
        await installed.sender.event(installed.workspace(), {**event, "user": "U0ALICE"})
    await until(lambda: count(services.metrics, "events_finished"))
    assert (reply.attempts, replies(installed)) == (1, ["Once upon "])


@pytest.mark.gen_test
async def test_a_stream_that_nobody_has_stopped_is_a_failure(
    http_server: object, installed: Slack, listeners: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack ends a stream after some minutes too."""
    monkeypatch.setattr(stopped_streams, "REPORT_TIMEOUT", 0.01)
    reply = Reply(listeners)
    await ask(installed)
    installed.world.messages[0].is_streaming = False
    reply.may_go_on = True
    await until(lambda: replies(installed) == ["Once upon ", "Once upon a time"])
    assert reply.attempts == 2


@pytest.mark.gen_test
async def test_only_the_stopped_one_of_several_listeners_is_done(
    http_server: object, installed: Slack, listeners: App, services: Services
) -> None:
    attempts: list[int] = []
    reply = Reply(listeners)

    @listeners.event("message")
    async def failing(attempt: int) -> None:
        attempts.append(attempt)
        if attempt == 1:
            raise ValueError

    await ask(installed)
    await installed.people.stop_agent(installed.workspace(), CHANNEL, THREAD)
    reply.may_go_on = True
    await until(lambda: count(services.metrics, "events_finished"))
    assert (reply.attempts, attempts, replies(installed)) == (1, [1, 2], ["Once upon "])


def _raised_from(error: Exception) -> None:
    raise ValueError("the answer is incomplete") from error


def _raised_while_handling(error: Exception) -> None:
    try:
        raise error
    except SlackApiError:
        raise KeyError("in the except block")  # noqa: B904  # as authors write it


def _in_a_group(error: Exception) -> None:
    raise ExceptionGroup("two tasks", [ValueError(), ExceptionGroup("inner", [error])])


@dataclass
class UnhashableError(Exception):
    text: str


def _in_a_circle(error: Exception) -> None:
    wrapper = UnhashableError("about the first")
    wrapper.__cause__, error.__cause__ = error, wrapper
    raise wrapper


@pytest.mark.gen_test
@pytest.mark.parametrize("wrap", [_raised_from, _raised_while_handling, _in_a_group, _in_a_circle])
async def test_the_refusal_may_be_the_cause_of_what_is_raised(
    http_server: object, installed: Slack, listeners: App, services: Services, wrap: Callable[[Exception], None]
) -> None:
    @listeners.message("hi")
    async def listener() -> None:
        wrap(SlackApiError("refused", {"ok": False, "error": "stopped_by_user"}))

    await installed.sender.event(installed.workspace(), MESSAGE)
    await until(lambda: count(services.metrics, "events_finished"))
    assert count(services.metrics, "events_retried") == 0


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "response",
    [
        "text",
        None,
        {},
        {"error": []},
        {"error": "message_not_in_streaming_state"},
        SlackResponse(client=None, http_verb="POST", api_url="", req_args={}, data=b"\0", headers={}, status_code=200),
    ],
    ids=["text", "none", "empty", "list", "no stream", "binary"],
)
async def test_an_authors_own_refusal_is_a_failure(
    http_server: object, installed: Slack, listeners: App, services: Services, response: Any
) -> None:
    @listeners.message("hi")
    async def listener(attempt: int) -> None:
        if attempt == 1:
            raise SlackApiError("refused", response)

    await installed.sender.event(installed.workspace(), MESSAGE)
    await until(lambda: count(services.metrics, "events_finished"))
    assert count(services.metrics, "events_retried") == 1


@pytest.mark.gen_test
@pytest.mark.parametrize("stopped", [None, "9.9", [None, 7, {}], {"9.9": 1}])
async def test_an_odd_event_about_a_stop_explains_nothing(
    http_server: object, installed: Slack, listeners: App, stopped: Any
) -> None:
    fields = {"channel": CHANNEL, "streaming_message_ts": stopped, "user": "U0ALICE"}
    answer = await installed.sender.event(installed.workspace(), {"type": "agent_session_stopped", **fields})
    assert answer.status == 200


@pytest.mark.gen_test
@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("thread_ts", [THREAD, None])
async def test_the_session_gets_its_status_from_the_listener_of_the_stop(
    http_server: object, installed: Slack, listeners: App, is_async: bool, thread_ts: str | None
) -> None:
    async def stopped(set_session_status: Any) -> None:
        await set_session_status("active")

    def stopped_blocking(set_session_status: Any) -> None:
        set_session_status("active")

    listeners.event("agent_session_stopped")(stopped if is_async else stopped_blocking)
    fields = {"channel": CHANNEL, "streaming_message_ts": [], "user": "U0ALICE"}
    event = {"type": "agent_session_stopped", **fields, **({"thread_ts": thread_ts} if thread_ts else {})}
    await installed.sender.event(installed.workspace(), event)
    await until(lambda: installed.world.calls)
    [call] = installed.world.calls
    expected = {"channel_id": CHANNEL, "status": "active", **({"thread_ts": thread_ts} if thread_ts else {})}
    assert (call.method, call.arguments) == ("agents.sessions.setStatus", expected)
