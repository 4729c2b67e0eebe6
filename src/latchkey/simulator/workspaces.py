"""The workspaces of the simulated Slack, and the id of its app."""

from __future__ import annotations

from dataclasses import dataclass

APP_ID = "A0LATCHKEY"


@dataclass(frozen=True)
class SimulatedWorkspace:
    """One workspace; `enterprise_id` is set if it belongs to an org."""

    team_id: str
    name: str
    enterprise_id: str | None = None
    enterprise_name: str | None = None
    user_id: str = "U0ALICE"
    channel_id: str = "C0GENERAL"


WORKSPACES = (
    SimulatedWorkspace("T0ACME", "Acme"),
    SimulatedWorkspace("T0BIRCH", "Birch"),
    SimulatedWorkspace("T0CEDAR", "Cedar", enterprise_id="E0FOREST", enterprise_name="Forest"),
)
