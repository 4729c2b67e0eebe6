"""The simulator's state: workspaces, tokens, codes, messages, open forms. Plain data in memory."""

from latchkey.simulator.model.app import DescribeScope, SlackApp, not_described, redirect_uris_at
from latchkey.simulator.model.calls import ApiCall, FunctionRun
from latchkey.simulator.model.changes import Change, Changes
from latchkey.simulator.model.conversations import AgentThread, Message
from latchkey.simulator.model.directory import Channel, Directory, Person
from latchkey.simulator.model.documents import (
    message_document,
    page_message,
    page_view,
    rich_text,
    view_document,
    with_ids,
)
from latchkey.simulator.model.event_ends import EventEnd
from latchkey.simulator.model.exchanges import Exchange, Exchanges
from latchkey.simulator.model.permissions import (
    CODE_SECONDS,
    MAX_RESPONSE_URL_USES,
    RESPONSE_URL_SECONDS,
    TRIGGER_SECONDS,
    Grant,
    IssuedResponseUrl,
    Trigger,
)
from latchkey.simulator.model.views import OpenView
from latchkey.simulator.model.world import World

__all__ = [
    "CODE_SECONDS",
    "MAX_RESPONSE_URL_USES",
    "RESPONSE_URL_SECONDS",
    "TRIGGER_SECONDS",
    "AgentThread",
    "ApiCall",
    "Change",
    "Changes",
    "Channel",
    "DescribeScope",
    "Directory",
    "EventEnd",
    "Exchange",
    "Exchanges",
    "FunctionRun",
    "Grant",
    "IssuedResponseUrl",
    "Message",
    "OpenView",
    "Person",
    "SlackApp",
    "Trigger",
    "World",
    "message_document",
    "not_described",
    "page_message",
    "page_view",
    "redirect_uris_at",
    "rich_text",
    "view_document",
    "with_ids",
]
