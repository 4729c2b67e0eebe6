"""The forms (modals) that people have open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from latchkey.simulator.workspaces import SimulatedWorkspace


@dataclass
class OpenView:
    """A form (modal) that a person has open."""

    view_id: str
    workspace: SimulatedWorkspace
    user_id: str
    view: dict[str, Any]
    errors: dict[str, str] = field(default_factory=dict)
