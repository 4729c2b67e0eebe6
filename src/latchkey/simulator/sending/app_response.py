"""What an app responded to a request of the simulator."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AppResponse:
    """The app's response to one request. Status 599 means no response in time."""

    what: str
    """What was sent, such as "command /deploy"."""
    status: int
    body: str
    content_type: str
    milliseconds: float

    @property
    def document(self) -> dict[str, Any]:
        """The body as a JSON object; empty if it is not one."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}
