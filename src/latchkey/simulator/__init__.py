"""A simulated Slack on this machine, for the demo and for tests. The server never imports it.

It follows Slack's rules wherever an app can notice them: codes and refresh tokens work once, access tokens expire,
redirect URIs must match exactly, trigger ids expire after three seconds, requests are signed. All times follow its
clock, which a test can move. It listens on loopback only.
"""

from latchkey.simulator.browser import Browser
from latchkey.simulator.demo import DemoCheck, StepFailed
from latchkey.simulator.pages import ConsentRefused
from latchkey.simulator.process import ServerDied, ServerProcess
from latchkey.simulator.sending import FORM, JSON, AppResponse, sign
from latchkey.simulator.slack import Slack
from latchkey.simulator.tokens import RefreshToken, Token
from latchkey.simulator.workspaces import SimulatedWorkspace

__all__ = [
    "FORM",
    "JSON",
    "AppResponse",
    "Browser",
    "ConsentRefused",
    "DemoCheck",
    "RefreshToken",
    "ServerDied",
    "ServerProcess",
    "SimulatedWorkspace",
    "Slack",
    "StepFailed",
    "Token",
    "sign",
]
