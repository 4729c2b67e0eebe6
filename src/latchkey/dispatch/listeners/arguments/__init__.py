"""Builds the arguments of a listener's call: those it names, `ack`, `say`, `respond`, clients and the context."""

from latchkey.dispatch.listeners.arguments.call import BlockingCall, Call
from latchkey.dispatch.listeners.arguments.plan import CallPlan
from latchkey.dispatch.listeners.arguments.reply import EMPTY, Reply, json_reply, text_reply

__all__ = ["EMPTY", "BlockingCall", "Call", "CallPlan", "Reply", "json_reply", "text_reply"]
