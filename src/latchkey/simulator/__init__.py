"""A stand-in Slack on this machine, for the demo and for tests. The server never imports it.

Rule: it keeps Slack's rules where an app can notice them (single-use codes,
exact redirect URIs, trigger ids of three seconds, signed requests), and it
listens on loopback alone.
"""

from latchkey.simulator.requests import FORM, JSON, Answer, sign
from latchkey.simulator.slack import Slack

__all__ = ["FORM", "JSON", "Answer", "Slack", "sign"]
