"""Calls of the Web API, and runs of the app's functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from latchkey.simulator.workspaces import SimulatedWorkspace


@dataclass(frozen=True)
class ApiCall:
    """One call of the Web API, without its token."""

    method: str
    team_id: str | None
    arguments: dict[str, Any]
    response: dict[str, Any]


@dataclass
class FunctionRun:
    """One run of a function of the app, as a step of a workflow."""

    workspace: SimulatedWorkspace
    execution_id: str
    callback_id: str
    inputs: dict[str, Any]
    token: str
    """Valid until the run is complete."""
    outputs: dict[str, Any] | None = None
    error: str | None = None
