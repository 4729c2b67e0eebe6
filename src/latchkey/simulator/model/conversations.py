"""What is in conversations: messages, and what an agent shows beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from latchkey.simulator.workspaces import SimulatedWorkspace


@dataclass
class Message:
    """A message in a conversation."""

    workspace: SimulatedWorkspace
    channel: str
    author: str
    text: str
    only_for: str | None = None
    blocks: list[dict[str, Any]] = field(default_factory=list)
    ts: str = ""
    thread_ts: str = ""
    """The `ts` of the message that this one replies to; empty outside threads."""
    metadata: dict[str, Any] = field(default_factory=dict)
    subtype: str = ""
    is_streaming: bool = False
    """Whether the app may append to it."""
    is_stopped: bool = False
    """Whether a person has stopped the stream."""
    attachments: list[dict[str, Any]] = field(default_factory=list)
    is_edited: bool = False
    is_markdown: bool = False
    """Whether the text is Markdown, as in streams, instead of Slack's mrkdwn."""
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    """In streams: the tasks that the app reports, by their ids."""


@dataclass
class AgentThread:
    """What an agent shows in a thread besides its messages."""

    status: str = ""
    title: str = ""
    prompts: list[dict[str, Any]] = field(default_factory=list)
    prompts_title: str = ""
    session: str = ""
    """The status of the agent's session: processing, active, suspended or closed; empty if there is none."""
