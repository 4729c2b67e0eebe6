"""What lets an app act for a limited time: codes, trigger ids and response URLs."""

from __future__ import annotations

from dataclasses import dataclass

from latchkey.simulator.model.conversations import Message
from latchkey.simulator.workspaces import SimulatedWorkspace

CODE_SECONDS = 600
"""OAuth codes expire after ten minutes."""
TRIGGER_SECONDS = 3.0
"""Trigger ids expire after three seconds; each opens one form."""
MAX_RESPONSE_URL_USES = 5
RESPONSE_URL_SECONDS = 1800.0


@dataclass
class Grant:
    """An approved install whose code has not been exchanged yet."""

    workspace: SimulatedWorkspace
    user_id: str
    redirect_uri: str
    scopes: str
    user_scopes: str
    org_wide: bool
    expires_at: float
    used: bool = False


@dataclass
class Trigger:
    """What a person did, to which the app may react once."""

    workspace: SimulatedWorkspace
    user_id: str
    expires_at: float
    used: bool = False


@dataclass
class IssuedResponseUrl:
    """Where the app may send messages about one action of a person."""

    workspace: SimulatedWorkspace
    channel: str
    user_id: str
    expires_at: float
    message: Message | None = None
    """The message that the person acted on, which the app may replace or delete."""
    uses: int = 0
