"""Puts fake libraries on the path of a server that runs a sample: every model answers with the same text.

Python imports this module at its start. Only libraries that are not installed are faked.
"""

import importlib.util
import sys
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, Self
from unittest.mock import MagicMock

from answers import REPLY

LIBRARIES = (
    "openai", "anthropic", "pydantic_ai", "pydantic_ai.mcp", "pydantic_ai.messages", "agents", "agents.mcp",
    "agents.run_context", "claude_agent_sdk", "claude_agent_sdk.types", "google", "google.api_core",
    "google.api_core.exceptions", "vertexai", "vertexai.generative_models", "dotenv", "requests", "flask",
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


def install() -> None:
    fakes = {name: MagicMock(name=name, __path__=[]) for name in LIBRARIES if not _is_installed(name)}
    for name, fake in fakes.items():
        sys.modules[name] = fake
        parent, _, child = name.rpartition(".")
        if parent in fakes:
            setattr(fakes[parent], child, fake)
    if "openai" in fakes:
        client = fakes["openai"].OpenAI.return_value
        client.chat.completions.create.return_value.choices = [SimpleNamespace(message=SimpleNamespace(content=REPLY))]
        client.responses.create.return_value.output_text = REPLY
    if "pydantic_ai" in fakes:
        result = SimpleNamespace(output=REPLY, all_messages=list)
        fakes["pydantic_ai"].Agent.return_value.run_sync.return_value = result
    if "agents" in fakes:
        result = SimpleNamespace(final_output=REPLY, to_input_list=list)
        fakes["agents"].Runner.run_sync.return_value = result
    if "requests" in fakes:
        fakes["requests"].request.return_value.text = '{"key": "X-1"}'
    if "claude_agent_sdk" in fakes:
        classes = (AssistantMessage, TextBlock, ResultMessage)
        for kind in classes:
            setattr(fakes["claude_agent_sdk"], kind.__name__, kind)
        fakes["claude_agent_sdk"].ClaudeSDKClient = ClaudeClient


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name.partition(".")[0]) is not None
    except (ImportError, ValueError):
        return False


install()
