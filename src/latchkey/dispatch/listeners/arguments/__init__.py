"""Builds the arguments of a listener's call: those it names, `ack`, `say`, `respond`, clients and the context."""

from latchkey.dispatch.listeners.arguments.agent import AGENT_ARGUMENTS, AgentFunctions, ThreadContext
from latchkey.dispatch.listeners.arguments.blocking_call import BlockingCall
from latchkey.dispatch.listeners.arguments.call import Call
from latchkey.dispatch.listeners.arguments.context import Context
from latchkey.dispatch.listeners.arguments.plan import CallPlan
from latchkey.dispatch.listeners.arguments.reply import EMPTY, JSON, Reply, json_reply, text_reply
from latchkey.dispatch.listeners.arguments.request import Request, Response, is_response, reply_from

__all__ = [
    "AGENT_ARGUMENTS",
    "EMPTY",
    "JSON",
    "AgentFunctions",
    "BlockingCall",
    "Call",
    "CallPlan",
    "Context",
    "Reply",
    "Request",
    "Response",
    "ThreadContext",
    "is_response",
    "json_reply",
    "reply_from",
    "text_reply",
]
