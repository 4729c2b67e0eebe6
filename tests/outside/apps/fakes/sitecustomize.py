"""Puts fake libraries on the path of a server that runs a sample: every model answers with the same text.

Python imports this module at its start. Only libraries that are not installed are faked.
"""

import importlib.util
import json
import os
import sys
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, Self
from unittest.mock import MagicMock

from answers import REPLY

LIBRARIES = (
    "openai", "anthropic", "pydantic_ai", "pydantic_ai.mcp", "pydantic_ai.messages", "agents", "agents.mcp",
    "agents.run_context", "claude_agent_sdk", "claude_agent_sdk.types", "google", "google.api_core",
    "google.api_core.exceptions", "vertexai", "vertexai.generative_models", "dotenv", "requests", "flask", "langchain",
    "langchain.callbacks", "langchain.callbacks.base", "langchain.chat_models", "langchain.schema", "dify_client", "sseclient",
    "django", "django.conf",
)  # fmt: skip


class AssistantMessage(SimpleNamespace):
    pass


class TextBlock(SimpleNamespace):
    pass


class ResultMessage(SimpleNamespace):
    pass


class ClaudeClient:
    """Takes the place of `claude_agent_sdk.ClaudeSDKClient`."""

    def __init__(self, options: Any) -> None:
        pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        pass

    async def query(self, text: str) -> None:
        pass

    async def receive_response(self) -> AsyncIterator[Any]:
        yield AssistantMessage(content=[TextBlock(text=REPLY)])
        yield ResultMessage(session_id="session")


class ChatModel:
    """Takes the place of `langchain.chat_models.ChatOpenAI`."""

    def __init__(self, **options: Any) -> None:
        pass

    def predict(self, prompt: str, callbacks: list[Any]) -> None:
        for callback in callbacks:
            callback.on_llm_new_token(REPLY)
            callback.on_llm_end(None)


def openai(fake: MagicMock) -> None:
    client = fake.OpenAI.return_value
    client.chat.completions.create.return_value.choices = [SimpleNamespace(message=SimpleNamespace(content=REPLY))]
    client.responses.create.return_value.output_text = REPLY


def pydantic_ai(fake: MagicMock) -> None:
    fake.Agent.return_value.run_sync.return_value = SimpleNamespace(output=REPLY, all_messages=list)


def agents(fake: MagicMock) -> None:
    fake.Runner.run_sync.return_value = SimpleNamespace(final_output=REPLY, to_input_list=list)


def claude_agent_sdk(fake: MagicMock) -> None:
    for kind in (AssistantMessage, TextBlock, ResultMessage):
        setattr(fake, kind.__name__, kind)
    fake.ClaudeSDKClient = ClaudeClient


def langchain(fake: MagicMock) -> None:
    fake.callbacks.base.BaseCallbackHandler = object
    fake.chat_models.ChatOpenAI = ChatModel


def dify_client(fake: MagicMock) -> None:
    fake.ChatClient.return_value.get_conversations.return_value.json.return_value = {"data": []}


def sseclient(fake: MagicMock) -> None:
    events = [{"event": "message", "answer": REPLY}, {"event": "message_end"}]
    fake.SSEClient.return_value.events.return_value = [SimpleNamespace(data=json.dumps(event)) for event in events]


def requests(fake: MagicMock) -> None:
    fake.request.return_value.text = '{"key": "X-1"}'


def django(fake: MagicMock) -> None:
    fake.conf.settings = SimpleNamespace(**json.loads(os.environ.get("FAKE_DJANGO_SETTINGS", "{}")))


ANSWERS = (openai, pydantic_ai, agents, claude_agent_sdk, langchain, dify_client, sseclient, requests, django)
"""Each sets what the library of its name answers."""


def install() -> None:
    fakes = {name: MagicMock(name=name, __path__=[]) for name in LIBRARIES if not _is_installed(name)}
    for name, fake in fakes.items():
        sys.modules[name] = fake
        parent, _, child = name.rpartition(".")
        if parent in fakes:
            setattr(fakes[parent], child, fake)
    for answer in ANSWERS:
        if answer.__name__ in fakes:
            answer(fakes[answer.__name__])


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name.partition(".")[0]) is not None
    except (ImportError, ValueError):
        return False


def find_slack() -> None:
    """Let every client that is made without a URL call the simulated Slack, also while an app is imported."""
    if url := os.environ.get("FAKE_SLACK_API"):
        from slack_sdk.web.base_client import BaseClient

        defaults = list(BaseClient.__init__.__defaults__ or ())
        BaseClient.__init__.__defaults__ = tuple(url if value == BaseClient.BASE_URL else value for value in defaults)


install()
find_slack()
