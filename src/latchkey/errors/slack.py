"""Errors of a call to Slack."""

from __future__ import annotations

from collections.abc import Sequence

from latchkey.errors.base import LatchkeyError


class NotInstalled(LatchkeyError):
    """There is no installation with the token that was asked for; `record_ids` are those that were looked up."""

    def __init__(self, record_ids: Sequence[str], user_id: str | None) -> None:
        looked_up = " or ".join(map(repr, record_ids))
        whose = "a bot's token" if user_id is None else f"a token of the person {user_id}"
        super().__init__(
            f"there is no installation of {looked_up} with {whose}",
            hint="`latchkey installs list` shows the installations; /slack/install makes one",
        )
        self.record_ids = tuple(record_ids)


class NoToken(LatchkeyError):
    """A listener called Slack for a workspace that has removed the app."""

    def __init__(self, method: str) -> None:
        super().__init__(
            f"cannot call {method}: the workspace has removed the app, so there is no token",
            hint="a listener for this event must not use `client` or `say`",
        )
        self.method = method


class OAuthError(LatchkeyError):
    """Slack refused a step of an install; `reason` is Slack's own error code."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Slack refused the installation ({reason})")
        self.reason = reason


class ResponseUrlSpent(LatchkeyError):
    """A payload's `response_url` has expired or has been used five times."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the response_url cannot be used any longer: {reason}",
            hint="Slack accepts five messages within 30 minutes; after that, use `client`",
        )
        self.reason = reason


class SlackRefused(LatchkeyError):
    """Slack answered a call with an error; `reason` is Slack's own error code."""

    def __init__(self, method: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"Slack refused {method} ({reason})", hint=hint)
        self.method = method
        self.reason = reason


class ManifestRefused(SlackRefused):
    """Slack refused an app manifest; `problems` are what is wrong with it, each with the path of the value."""

    def __init__(self, method: str, reason: str, problems: Sequence[str]) -> None:
        super().__init__(
            method,
            reason,
            hint="correct the configuration or the listeners; `latchkey manifest` prints the manifest",
        )
        self.problems = tuple(problems)

    @property
    def lines(self) -> list[str]:
        return [str(self), *self.problems]


class SlackUnavailable(LatchkeyError):
    """Slack could not be reached, or its response was invalid; `method` is the API method called."""

    def __init__(self, method: str, reason: str) -> None:
        super().__init__(f"Slack did not answer {method} ({reason})")
        self.method = method
        self.reason = reason


class SlackRateLimited(SlackUnavailable):
    """Slack accepts such calls only after `seconds`."""

    def __init__(self, method: str, seconds: float) -> None:
        super().__init__(method, "status 429")
        self.seconds = seconds


class SlackUnreachable(SlackUnavailable):
    """There was no connection to Slack, so nothing was sent."""


class AppInUse(LatchkeyError):
    """Another command is creating or changing the app at Slack."""

    exit_code = 4

    def __init__(self, folder: str) -> None:
        super().__init__(f"another command is using {folder}", hint="wait until it ends, then run this one again")
