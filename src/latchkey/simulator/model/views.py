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
    """By block id; under "" is an error of the whole form."""
    previous_view_id: str | None = None
    """The form under this one."""
    root_view_id: str = ""
    """The lowest form; it is this one if nothing is under it."""
    hash: str = ""
    """Changes with the form; views.update may name the one that it replaces."""
