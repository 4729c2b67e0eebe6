"""An agent's reply, middleware and the app's own client, through the real server against the simulated Slack."""

from typing import Any

import pytest

from latchkey.dispatch import App
from latchkey.simulator import Slack
from tests.support.waiting import until

MESSAGE = {"type": "message", "channel": "D0ALICE", "channel_type": "im", "user": "U0ALICE", "text": "hi"}


@pytest.mark.gen_test
@pytest.mark.parametrize("is_async", [True, False])
async def test_an_agent_replies_in_a_stream_and_names_its_thread(
    http_server: object, installed: Slack, listeners: App, is_async: bool
) -> None:
    async def reply(set_status: Any, set_title: Any, set_suggested_prompts: Any, say_stream: Any) -> None:
        await set_status("is thinking …")
        await set_title("A greeting")
        await set_suggested_prompts(["And then?"])
        stream = await say_stream(buffer_size=1)
        await stream.append(markdown_text="Hello ")
        await stream.stop(markdown_text="there!")

    def reply_blocking(set_status: Any, set_title: Any, set_suggested_prompts: Any, say_stream: Any) -> None:
        set_status("is thinking …")
        set_title("A greeting")
        set_suggested_prompts(["And then?"])
        stream = say_stream(buffer_size=1)
        stream.append(markdown_text="Hello ")
        stream.stop(markdown_text="there!")

    listeners.message("hi")(reply if is_async else reply_blocking)
    await installed.sender.event(installed.workspace(), {**MESSAGE, "ts": "1.5", "thread_ts": "1.1"})
    await until(lambda: installed.world.messages and not installed.world.messages[-1].is_streaming)
    message, thread = installed.world.messages[-1], installed.world.agent_threads["D0ALICE", "1.1"]
    assert (message.text, message.thread_ts) == ("Hello there!", "1.1")
    assert (thread.status, thread.title) == ("", "A greeting"), "a reply ends the status"
    [status] = [call for call in installed.world.calls if call.method == "assistant.threads.setStatus"]
    assert status.arguments["status"] == "is thinking …"
    assert thread.prompts == [{"title": "And then?", "message": "And then?"}]


@pytest.mark.gen_test
@pytest.mark.parametrize("use", ["app.client", "context.client"])
async def test_the_first_client_of_all_may_be_made_in_a_thread(
    http_server: object, installed: Slack, listeners: App, use: str
) -> None:
    seen: list[Any] = []

    @listeners.command("/hi")
    def listener(ack: Any, bot_token: str) -> None:
        seen.append(listeners.client.auth_test(token=bot_token)["ok"])
        ack()

    @listeners.command("/there")
    def with_context(ack: Any, context: Any) -> None:
        seen.append(context.client.auth_test()["ok"])
        ack()

    answer = await installed.sender.command(installed.workspace(), "/hi" if use == "app.client" else "/there")
    assert (answer.status, seen) == (200, [True])


@pytest.mark.gen_test
async def test_middleware_answers_with_a_status_and_headers_of_its_own(
    http_server: object, installed: Slack, listeners: App
) -> None:
    @listeners.use
    def refuse(response: Any) -> Any:
        response.status, response.body = 429, {"error": "slow down"}
        response.headers["retry-after"] = ["30"]
        return response

    listeners.command("/hi")(lambda ack: ack())
    answer = await installed.sender.command(installed.workspace(), "/hi")
    assert (answer.status, answer.body) == (429, '{"error":"slow down"}')


@pytest.mark.gen_test
async def test_a_work_objects_details_are_presented_with_the_events_trigger(
    http_server: object, installed: Slack, listeners: App
) -> None:
    seen: list[Any] = []

    @listeners.event("entity_details_requested")
    async def present(event: Any, client: Any, context: Any) -> None:
        await client.entity_presentDetails(trigger_id=event["trigger_id"], metadata={"entity_type": "x"})
        seen.append([event["external_ref"], context.channel_id])

    answer = await installed.people.open_details(installed.workspace(), "https://example.com/task/7")
    assert answer.status == 200
    await until(lambda: seen)
    assert seen == [[{"id": "7"}, "C0GENERAL"]]
    assert [call.response["ok"] for call in installed.world.calls if call.method == "entity.presentDetails"] == [True]
