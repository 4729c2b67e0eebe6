"""Bolt's Assistant in a mounted app, through the server."""

from collections.abc import Callable
from typing import Any

import pytest
from slack_bolt import Assistant
from slack_bolt.middleware.assistant.async_assistant import AsyncAssistant

from latchkey.handlers import Services
from latchkey.simulator import Slack, Token
from latchkey.storage import Store
from tests.bolt.flavours import both_flavours, new_app
from tests.support.counts import count
from tests.support.waiting import until

Mount = Callable[[Any], Any]
SCOPES = "assistant:write,channels:history,chat:write,im:history"


def assistant_app(is_async: bool) -> Any:
    """Return an app with an assistant that uses each of its arguments."""
    app = new_app(is_async)
    assistant: Any = AsyncAssistant() if is_async else Assistant()

    async def started_async(say: Any, set_suggested_prompts: Any) -> None:
        await say("Hi")  # Bolt keeps the thread's context in the metadata of this message
        await set_suggested_prompts(prompts=["What can you do?"])

    def started(say: Any, set_suggested_prompts: Any) -> None:
        say("Hi")
        set_suggested_prompts(prompts=["What can you do?"])

    def failing_once(context: Any) -> None:
        if context["attempt"] == 1:
            raise ValueError("fails at the first attempt")

    async def answer_async(set_status: Any, say: Any, get_thread_context: Any, context: Any) -> None:
        failing_once(context)
        await set_status("is thinking")
        about = await get_thread_context()
        await say(f"about {about['channel_id']}")

    def answer(set_status: Any, say: Any, get_thread_context: Any, context: Any) -> None:
        failing_once(context)
        set_status("is thinking")
        say(f"about {get_thread_context()['channel_id']}")

    assistant.thread_started(started_async if is_async else started)
    assistant.user_message(answer_async if is_async else answer)
    app.assistant(assistant)
    return app


@pytest.fixture
def agent(slack: Slack, installed: Slack, store: Store) -> Slack:
    """A simulated Slack whose app has the scopes of an assistant."""
    acme = slack.workspace()
    bot = store.installations.find_bot(enterprise_id=None, team_id="T0ACME")
    assert bot is not None
    bot.bot_token = slack.world.issue_token("xoxb", Token(acme, "UBOTACME", True, False, SCOPES))
    store.installations.save_bot(bot)
    return slack


@pytest.mark.gen_test
@both_flavours
async def test_an_assistant_answers_in_its_thread_and_a_failed_answer_is_retried(
    agent: Slack, mount: Mount, services: Services, is_async: bool
) -> None:
    mount(assistant_app(is_async))
    acme = agent.workspace()
    root = await agent.people.start_thread(acme)
    await until(lambda: count(services.metrics, "events_finished") == 1)
    thread = agent.world.directory.channel(acme, root.channel)
    await agent.people.say(acme.seen_by("U0ALICE", thread.channel_id), "hello", thread_ts=root.ts)
    await until(lambda: agent.world.messages[-1].text.startswith("about"))
    reply = agent.world.messages[-1]
    assert (reply.text, reply.thread_ts) == ("about C0GENERAL", root.ts)
    methods = [call.method for call in agent.world.calls if call.response["ok"]]
    assert methods.count("assistant.threads.setSuggestedPrompts") == 1
    assert methods.count("assistant.threads.setStatus") == 1
    assert count(services.metrics, "events_retried") == 1
