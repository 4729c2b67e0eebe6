"""Errors of a request that Slack, or somebody else, sent."""

from __future__ import annotations

from latchkey.errors.base import LatchkeyError
from latchkey.errors.wording import plural


class SignatureError(LatchkeyError):
    """A request is not signed by Slack; `reason` is `missing`, `timestamp`, `expired` or `mismatch`."""

    http_status = 403

    def __init__(self, reason: str) -> None:
        super().__init__(f"the request's signature was refused ({reason})")
        self.reason = reason


class PayloadError(LatchkeyError):
    """A signed request cannot be parsed; `reason` names the broken rule and contains nothing of the body."""

    http_status = 400

    def __init__(self, reason: str) -> None:
        super().__init__(f"cannot parse the request ({reason})")
        self.reason = reason


class LinkError(LatchkeyError):
    """The values in an install link cannot be used; `reason` is `invalid` or `expired`."""

    http_status = 400

    def __init__(self, reason: str) -> None:
        super().__init__(f"the values in an install link cannot be used ({reason})")
        self.reason = reason


class InstallCheckFailed(LatchkeyError):
    """A `before_install` function raised an error or took too long; `reason` says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the check before an install failed: {reason}")
        self.reason = reason


class Overloaded(LatchkeyError):
    """The inbox is full; Slack should retry the event later."""

    http_status = 503

    def __init__(self, events: int) -> None:
        super().__init__(
            f"the inbox is full with {plural(events, 'event')}",
            hint="events arrive faster than listeners handle them; see `latchkey events status`",
        )
        self.events = events


class UnexpectedStatus(LatchkeyError):
    """A Bolt app has refused an event with a status other than 2xx, so that the event is retried."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the app answered an event with status {status}")
        self.status = status
