"""The workspaces of the simulated Slack, and the id of its app."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

APP_ID = "A0LATCHKEY"


@dataclass(frozen=True)
class SimulatedWorkspace:
    """One workspace; `enterprise_id` is set if it belongs to an org."""

    team_id: str
    name: str
    enterprise_id: str | None = None
    enterprise_name: str | None = None
    user_id: str = field(default="U0ALICE", compare=False)
    """The person who acts."""
    channel_id: str = field(default="C0GENERAL", compare=False)
    """The conversation in which they act."""

    def seen_by(self, user_id: str, channel_id: str = "C0GENERAL") -> SimulatedWorkspace:
        """Return this workspace as another person sees it, in one of its conversations. It equals this one."""
        return replace(self, user_id=user_id, channel_id=channel_id)


WORKSPACES = (
    SimulatedWorkspace("T0ACME", "Acme"),
    SimulatedWorkspace("T0BIRCH", "Birch"),
    SimulatedWorkspace("T0CEDAR", "Cedar", enterprise_id="E0FOREST", enterprise_name="Forest"),
)
