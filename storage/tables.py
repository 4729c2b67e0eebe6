"""Which tables the store has, and which of them hold something sealed."""

from __future__ import annotations

from storage.events import EVENT_TABLES, REMEMBERED
from storage.installation_records import BOTS, INSTALLATIONS, WORKSPACES
from storage.states import TABLE as STATES

META = "meta"
TABLES = (META, INSTALLATIONS, BOTS, WORKSPACES, STATES, *EVENT_TABLES)
SEALED_TABLES = tuple(name for name in TABLES if name != REMEMBERED)
"""All but the ids without values."""
