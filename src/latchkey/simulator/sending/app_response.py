"""What an app responded to a request of the simulator."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

ALMOST_TIMEOUT = 2900
"""Milliseconds: the client gives up a little before or after three seconds."""


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

    @property
    def is_acknowledged(self) -> bool:
        return 200 <= self.status < 300

    @property
    def timed_out(self) -> bool:
        """Whether the app was reached, but took longer than Slack waits."""
        return self.status == 599 and self.milliseconds >= ALMOST_TIMEOUT

    @property
    def error(self) -> str:
        """The error code that Slack shows to the person, operation_timeout or dispatch_failed; empty if none."""
        if self.is_acknowledged:
            return ""
        return "operation_timeout" if self.timed_out else "dispatch_failed"
