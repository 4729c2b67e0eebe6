"""Slack's templates for Python, and the requests that drive the happy path of each."""

import json
from dataclasses import dataclass

from tests.outside.apps.edits import Edit
from tests.outside.apps.fakes.answers import REPLY
from tests.outside.apps.steps import (
    Step,
    answering,
    click,
    click_in_form,
    click_in_function,
    click_in_home,
    command,
    event,
    event_with_trigger,
    function,
    own_message,
    shortcut,
    step,
    submit,
)

AGENTS = ("claude-agent-sdk", "openai-agents-sdk", "pydantic-ai")


@dataclass(frozen=True)
class Sample:
    repository: str
    steps: tuple[Step, ...]
    variant: str = ""
    edits: tuple[Edit, ...] = ()
    has_listeners: bool = True
    """Whether it has a `listeners/` folder, and not only an `app.py`."""
    files: tuple[tuple[str, str], ...] = ()
    """What the sample has saved earlier: paths in the server's folder, and their content."""
    note: str = ""

    @property
    def name(self) -> str:
        return f"{self.repository} {self.variant}".strip()


STREAM = ("assistant.threads.setStatus", "chat.startStream", "chat.stopStream")
HOME = step(event(type="app_home_opened", tab="home"), "views.publish")
MENTION = step(event(type="app_mention", text="<@UBOTACME> hello"), *STREAM, text=REPLY)
DIRECT = step(event(type="message", channel_type="im", channel="D0ALICE", text="hello"), *STREAM, text=REPLY)
FEEDBACK = step(click("feedback", value="good-feedback"), "chat.postEphemeral")
PROMPTS = "assistant.threads.setSuggestedPrompts"
THREAD = {"user_id": "U0ALICE", "channel_id": "D0ALICE", "thread_ts": "1.1", "context": {}}
STARTED = event(type="assistant_thread_started", assistant_thread=THREAD)
MESSAGES = event(type="app_home_opened", tab="messages", channel="D0ALICE")
IN_THREAD = event(type="message", channel_type="im", channel="D0ALICE", thread_ts="1.1", text="hello")
PICKED = {"type": "static_select", "selected_option": {"value": "gpt-4.1 openai"}}
PERSON = {"id": "U0ALICE"}
DONE = "functions.completeSuccess"
POST = "chat.postMessage"
ISSUE = {
    "category_block": {"category_select": {"type": "static_select", "selected_option": {"value": "Network Issues"}}},
    "description_block": {"description_input": {"type": "plain_text_input", "value": "The VPN fails"}},
}
SUBMITTED = {
    "channel_type": "im",
    "channel": "D0ALICE",
    "text": "The VPN fails",
    "bot_id": "B0LATCHKEY",
    "metadata": {"event_type": "issue_submission", "event_payload": {"user_id": "U0ALICE"}},
}
HOPES = {
    "input_block_id": {"sample_input_id": {"type": "plain_text_input", "value": "peace"}},
    "select_channel_block_id": {
        "sample_dropdown_id": {"type": "conversations_select", "selected_conversation": "C0GENERAL"}
    },
}
FOUND = {
    "external_ref": {"id": "1"}, "title": "Found", "description": "d", "date_updated": "2026-01-01",
    "link": "https://example.com",
}  # fmt: skip
SAMPLE_DATA = answering("developer.sampleData.get", json.dumps({"ok": True, "samples": [FOUND]}).encode())
DETAILS = event_with_trigger(
    type="entity_details_requested", external_ref={"id": "1"}, link={"url": "https://example.com"}
)
ISSUE_FIELDS = {"project": "X", "issuetype": "Bug", "summary": "s", "description": "d"}
TIME_OFF = {"manager": "U0ALICE", "employee": "U0BOB", "start_date": 1767225600, "end_date": 1767312000}

SAMPLES = (
    Sample(
        "slack-samples/bolt-python-starter-template",
        (
            HOME,
            step(event(type="message", text="hello", channel_type="channel"), POST, text="how are you"),
            step(command("/sample-command", "x")),
            step(shortcut("sample_shortcut_id"), "views.open"),
            step(click_in_form("sample_action_id"), "views.update"),
            step(submit(HOPES), POST, text="peace"),
        ),
    ),
    *(
        Sample(
            "slack-samples/bolt-python-starter-agent", (HOME, MENTION, DIRECT, FEEDBACK, step(STARTED, PROMPTS)), name
        )
        for name in AGENTS
    ),
    *(
        Sample(
            "slack-samples/bolt-python-support-agent",
            (
                HOME,
                step(MESSAGES, PROMPTS),
                MENTION,
                DIRECT,
                FEEDBACK,
                step(click("category_network_issues", value="Network Issues"), "views.open"),
                step(submit(ISSUE), "conversations.open", POST, text="The VPN fails"),
                step(own_message(**SUBMITTED), *STREAM, text=REPLY),
            ),
            name,
            note="The last step of its path needs `ignoring_self_events_enabled=False`, which is in its app.py.",
        )
        for name in AGENTS
    ),
    Sample(
        "slack-samples/bolt-python-assistant-template",
        (
            step(STARTED, POST, PROMPTS),
            step(IN_THREAD, POST, "assistant.threads.setStatus", "conversations.replies", text=REPLY),
        ),
    ),
    Sample(
        "slack-samples/bolt-python-custom-step-template",
        (
            step(function("behavior_options"), DONE),
            step(function("sample_step", user_id="U0ALICE", button_behavior="0"), POST),
            step(click_in_function("sample_click"), DONE, "chat.update"),
        ),
    ),
    Sample(
        "slack-samples/bolt-python-ai-chatbot",
        (
            HOME,
            step(click_in_home("pick_a_provider", **PICKED)),
            step(command("/ask-bolty", "hello"), "chat.postEphemeral", text=REPLY),
            step(event(type="app_mention", text="hello"), POST, "chat.update", text=REPLY),
            step(IN_THREAD, POST, "chat.update", text=REPLY),
            step(function("summary_function", user_context=PERSON, channel_id="C0GENERAL"), DONE, text=REPLY),
        ),
    ),
    Sample(
        "slack-samples/bolt-python-jira-functions",
        (
            HOME,
            step(function("create_issue", user_context=PERSON, **ISSUE_FIELDS), DONE, text="/browse/X-1"),
        ),
        files=(("data/jira-installations/none-T0ACME/installer-U0ALICE-latest", '{"access_token": "sentinel"}'),),
        note="Its Flask route for Jira's OAuth is its own server's.",
    ),
    Sample(
        "slack-samples/bolt-python-search-template",
        (
            step(function("filters", user_context=PERSON), DONE),
            step(SAMPLE_DATA),
            step(function("search", query="x", filters={}, user_context=PERSON), DONE, text="Found"),
            step(SAMPLE_DATA),
            step(DETAILS, "entity.presentDetails"),
        ),
    ),
    Sample(
        "slack-samples/bolt-python-request-time-off",
        (
            step(function("review_approval", **TIME_OFF), POST),
            step(click_in_function("approve_action_id"), POST, "chat.update", DONE),
        ),
        edits=(
            Edit(
                "functions/__init__.py",
                (
                    ("from slack_bolt.slack_function import SlackFunction", ""),
                    ("sample_view_func: SlackFunction = app", "app"),
                    ("sample_view_func.action(APPROVE", "app.action(APPROVE"),
                    ("sample_view_func.action(DENY", "app.action(DENY"),
                ),
            ),
        ),
        has_listeners=False,
        note="Written for a preview of Bolt of 2022 (1.15.2.dev0), whose `slack_function` no release of Bolt has: "
        "these lines must change for Bolt itself. `complete(error=)` in its error handling is gone as well.",
    ),
)
ENVIRONMENT = {
    "OPENAI_API_KEY": "sentinel",
    "ANTHROPIC_API_KEY": "sentinel",
    "JIRA_BASE_URL": "https://jira.example.com",
    "APP_BASE_URL": "https://app.example.com",
}
"""The settings without which some samples refuse to start."""
