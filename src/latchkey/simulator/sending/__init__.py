"""Sends an app what Slack sends it, and shows how the app responded."""

from latchkey.simulator.sending import payloads
from latchkey.simulator.sending.app_response import AppResponse
from latchkey.simulator.sending.functions import Functions
from latchkey.simulator.sending.revocations import Revocations
from latchkey.simulator.sending.sender import FORM, JSON, Sender
from latchkey.simulator.sending.transport import RESPONSE_TIMEOUT, sign

__all__ = ["FORM", "JSON", "RESPONSE_TIMEOUT", "AppResponse", "Functions", "Revocations", "Sender", "payloads", "sign"]
