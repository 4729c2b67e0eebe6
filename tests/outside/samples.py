"""Slack's templates for Python, and the requests that drive the happy path of each."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from latchkey.simulator import Slack

Step = Callable[[Slack], Awaitable[object]]
AGENTS = ("claude-agent-sdk", "openai-agents-sdk", "pydantic-ai")


@dataclass(frozen=True)
class Sample:
    repository: str
    steps: tuple[tuple[Step, frozenset[str]], ...]
    """Each request, and the methods of Slack's API that the sample calls because of it."""
    variant: str = ""
    needs: str = ""
    """A module of Bolt that it imports and that Bolt no longer has."""

    @property
    def name(self) -> str:
        return f"{self.repository} {self.variant}".strip()


def event(**fields: object) -> Step:
    async def send(slack: Slack) -> object:
        acme = slack.workspace()
        placed = {"user": acme.user_id, "channel": acme.channel_id, "ts": slack.world.timestamp(), **fields}
        return await slack.sender.event(acme, placed)

    return send


def function(callback_id: str, **inputs: object) -> Step:
    async def run(slack: Slack) -> object:
        return await slack.functions.execute(slack.workspace(), callback_id, inputs)

    return run


def answering(method: str, body: bytes) -> Step:
    """Let the next call of a method that the simulator doesn't have return this body."""

    async def prepare(slack: Slack) -> object:
        return slack.fail(method, body=body)

    return prepare


def click(action_id: str, **fields: object) -> Step:
    async def send(slack: Slack) -> object:
        action = {"action_id": action_id, "block_id": "b", "value": "good-feedback", **fields}
        return await slack.sender.block_action(slack.workspace(), action, fields={"message": {"ts": "1.1", "text": ""}})

    return send


def command(name: str, text: str) -> Step:
    return lambda slack: slack.sender.command(slack.workspace(), name, text)


def shortcut(callback_id: str) -> Step:
    return lambda slack: slack.sender.interaction(slack.workspace(), "shortcut", {"callback_id": callback_id})


HOME = (event(type="app_home_opened", tab="home"), frozenset({"views.publish"}))
STREAM = frozenset({"assistant.threads.setStatus", "chat.startStream", "chat.stopStream"})
MENTION = (event(type="app_mention", text="<@UBOTACME> hello"), STREAM)
DIRECT = (event(type="message", channel_type="im", channel="D0ALICE", text="hello"), STREAM)
FEEDBACK = (click("feedback"), frozenset({"chat.postEphemeral"}))
THREAD = {"user_id": "U0ALICE", "channel_id": "D0ALICE", "thread_ts": "1.1", "context": {}}
STARTED = event(type="assistant_thread_started", assistant_thread=THREAD)
PROMPTS = frozenset({"assistant.threads.setSuggestedPrompts"})
IN_THREAD = event(type="message", channel_type="im", channel="D0ALICE", thread_ts="1.1", text="hello")
PICKED = {"type": "static_select", "selected_option": {"value": "gpt-4.1 openai"}}
PERSON = {"id": "U0ALICE"}
COMPLETE = frozenset({"functions.completeSuccess"})
POST = frozenset({"chat.postMessage"})

SAMPLES = (
    Sample(
        "slack-samples/bolt-python-starter-template",
        (
            HOME,
            (event(type="message", text="hello", channel_type="channel"), POST),
            (shortcut("sample_shortcut_id"), frozenset({"views.open"})),
        ),
    ),
    *(
        Sample("slack-samples/bolt-python-starter-agent", (HOME, MENTION, DIRECT, FEEDBACK, (STARTED, PROMPTS)), name)
        for name in AGENTS
    ),
    *(Sample("slack-samples/bolt-python-support-agent", (HOME, MENTION, DIRECT, FEEDBACK), name) for name in AGENTS),
    Sample(
        "slack-samples/bolt-python-assistant-template",
        (
            (STARTED, POST | PROMPTS),
            (IN_THREAD, POST | {"assistant.threads.setStatus", "conversations.replies"}),
        ),
    ),
    Sample(
        "slack-samples/bolt-python-custom-step-template",
        ((function("sample_step", user_id="U0ALICE", button_behavior="0"), POST),),
    ),
    Sample(
        "slack-samples/bolt-python-ai-chatbot",
        (
            HOME,
            (click("pick_a_provider", **PICKED), frozenset()),
            (command("/ask-bolty", "hello"), frozenset({"chat.postEphemeral"})),
        ),
    ),
    Sample("slack-samples/bolt-python-jira-functions", (HOME,)),
    Sample(
        "slack-samples/bolt-python-search-template",
        (
            (function("filters", user_context=PERSON), COMPLETE),
            (answering("developer.sampleData.get", b'{"ok": true, "samples": []}'), frozenset()),
            (function("search", query="x", filters={}, user_context=PERSON), COMPLETE),
        ),
    ),
    Sample("slack-samples/bolt-python-request-time-off", (), needs="slack_bolt.slack_function"),
)
ENVIRONMENT = {"OPENAI_API_KEY": "sentinel", "ANTHROPIC_API_KEY": "sentinel"}
"""The keys without which some samples refuse to start."""
