"""Sends an app what Slack sends it, and shows how the app responded."""

from latchkey.simulator.sending.app_response import AppResponse
from latchkey.simulator.sending.functions import Functions
from latchkey.simulator.sending.revocations import Revocations
from latchkey.simulator.sending.sender import FORM, JSON, Sender, sign

__all__ = ["FORM", "JSON", "AppResponse", "Functions", "Revocations", "Sender", "sign"]
