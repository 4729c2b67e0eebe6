"""How an install can fail, and the page for each failure.

| reason            | status | when                                                        |
| ----------------- | ------ | ----------------------------------------------------------- |
| access_denied     | 200    | the user chose Cancel                                       |
| slack_error       | 400    | Slack redirected with another error                         |
| invalid_request   | 400    | an argument is repeated or far too long                     |
| invalid_link      | 400    | the values in an install link were not signed here          |
| expired_link      | 410    | the install link was valid only for a time, which is over   |
| invalid_state     | 401    | the state has expired, was used, or was never issued        |
| invalid_browser   | 400    | another browser began this install, or cookies are blocked  |
| missing_code      | 401    | Slack sent no code                                          |
| invalid_code      | 401    | Slack refused the code                                      |
| slack_unavailable | 502    | Slack did not answer the exchange                           |
| not_allowed       | 403    | `[install] workspaces` does not list this workspace         |
| refused           | 403    | a `before_install` function has refused it                  |
| check_failed      | 500    | a `before_install` function raised an error, or was slow    |
| storage_error     | 503    | the store did not answer                                    |

The names and most statuses are Bolt's, so that existing alerts keep working.
"""

from __future__ import annotations

import logging
from typing import NamedTuple
from urllib.parse import urlencode

from latchkey.handlers.base import BaseHandler
from latchkey.slackapi.paths import INSTALL_PATH

logger = logging.getLogger("latchkey.oauth")


class Failure(NamedTuple):
    """A failure: its name in logs and metrics, its status, and its page."""

    reason: str
    status: int
    title: str
    what: str
    advice: str
    offers_restart: bool = True
    """Whether the page has a button that starts again."""


class InstallFailed(Exception):
    """An install has failed; `slack_error` is the code that Slack gave as the reason.

    `undo` is what the undo of a refused installation came to.
    """

    def __init__(self, failure: Failure, slack_error: str = "", cause: Exception | None = None, undo: str = "") -> None:
        self.failure, self.slack_error, self.cause, self.undo = failure, slack_error, cause, undo


CANCELLED = Failure(
    "access_denied",
    200,
    "The app was not installed",
    "You chose Cancel, so nothing was changed in your workspace.",
    "If you chose it by mistake, start again.",
)
SLACK_ERROR = Failure(
    "slack_error",
    400,
    "Slack did not install the app",
    "Slack reported an error.",
    "Start again. If this keeps happening, an owner of your workspace may need to approve new apps.",
)
REQUEST = Failure(
    "invalid_request",
    400,
    "This link is broken",
    "The address does not look like one from Slack.",
    "Start again from the beginning.",
)
LINK = Failure(
    "invalid_link",
    400,
    "This link is not valid",
    "Part of the address is missing or was changed, or the link was withdrawn.",
    "Open the complete link as you received it. If it still doesn't work, ask the person who sent it for a new one.",
    offers_restart=False,
)
EXPIRED_LINK = Failure(
    "expired_link",
    410,
    "This link has expired",
    "The link was valid only for a limited time.",
    "Ask the person who sent it for a new one.",
    offers_restart=False,
)
STATE = Failure(
    "invalid_state",
    401,
    "This link has expired",
    "An install must be finished within a few minutes, and each link works once. This one has expired or was used.",
    "Start again; it takes a minute.",
)
BROWSER = Failure(
    "invalid_browser",
    400,
    "This install began in another browser",
    "For your safety, an install must end in the browser in which it began. This browser doesn't have its cookie.",
    "Start again here. If this keeps happening, allow cookies for this site, and use exactly the address of the install page that you were given.",
)
NO_CODE = Failure(
    "missing_code",
    401,
    "Slack sent no code",
    "The link is missing the code that Slack should have added.",
    "Start again.",
)
CODE = Failure(
    "invalid_code",
    401,
    "Slack refused the install",
    "Slack did not accept the code that it sent a moment ago.",
    "Start again. If this keeps happening, tell the app's operator: the client secret or redirect URL may be wrong.",
)
SLACK = Failure(
    "slack_unavailable",
    502,
    "Slack did not answer",
    "You allowed the app, but Slack did not send a token that can be used.",
    "Wait a minute and start again. You can safely allow the app twice.",
)
WORKSPACE = Failure(
    "not_allowed",
    403,
    "Your workspace may not use this app",
    "The app's operator has limited the workspaces that may install it, and yours is not one of them.",
    "If your workspace should be one of them, ask the app's operator. To choose another workspace, start again.",
)
REFUSED = Failure(
    "refused",
    403,
    "The app was not installed",
    "It does not accept this installation.",
    "If you think that this is wrong, ask the app's operator. To choose another workspace, start again.",
)
CHECK = Failure(
    "check_failed",
    500,
    "The app was not installed",
    "The server could not find out whether you may install it there.",
    "Start again in a few minutes. If this keeps happening, tell the app's operator.",
)
STORE = Failure(
    "storage_error",
    503,
    "The server cannot save right now",
    "The app's database did not answer.",
    "Wait a minute and start again. If this keeps happening, tell the app's operator.",
)

FAILURES = (
    CANCELLED,
    SLACK_ERROR,
    REQUEST,
    LINK,
    EXPIRED_LINK,
    STATE,
    BROWSER,
    NO_CODE,
    CODE,
    SLACK,
    WORKSPACE,
    REFUSED,
    CHECK,
    STORE,
)


class InstallFlowHandler(BaseHandler):
    """A page of the install flow."""

    start_query = ""
    """The query with which to start again, so that a signed link's values are kept."""

    def fail(self, failed: InstallFailed) -> None:
        """Count and log the failure, and respond."""
        self.report(failed)
        self.show(failed)

    def report(self, failed: InstallFailed) -> None:
        """Count the failure and log its reason."""
        reason = str(failed.cause) if failed.cause else failed.slack_error
        self.services.metrics.installs[failed.failure.reason].inc()
        logger.warning(
            "an install failed: %s%s request_id=%s",
            failed.failure.reason,
            f" ({reason})" if reason else "",
            self.request_id,
        )

    def show(self, failed: InstallFailed) -> None:
        """Respond with the failure's page, or redirect to the operator's own."""
        failure, slack_error = failed.failure, failed.slack_error
        own = self.services.failure_url
        if own:
            arguments = {
                "error": failure.reason,
                "slack_error": slack_error,
                "undo": failed.undo,
                "request_id": self.request_id,
            }
            query = urlencode({name: value for name, value in arguments.items() if value})
            self.redirect(f"{own}{'&' if '?' in own else '?'}{query}")
            return
        html = self.services.pages.failed(
            failure.title,
            failure.what,
            failure.advice,
            slack_error=slack_error,
            restart_url=self._restart_url if failure.offers_restart else "",
            request_id=self.request_id,
        )
        self.write_page(html, failure.status)

    @property
    def _restart_url(self) -> str:
        return f"{INSTALL_PATH}?{self.start_query}" if self.start_query else INSTALL_PATH
