"""How an install can fail, and what the person at the browser is told.

| reason            | status | when                                                        |
| ----------------- | ------ | ----------------------------------------------------------- |
| access_denied     | 200    | somebody chose Cancel                                       |
| slack_error       | 400    | Slack came back with another error                          |
| invalid_request   | 400    | an argument twice, or far too long                          |
| invalid_state     | 401    | the state has expired, was used, or was never issued        |
| invalid_browser   | 400    | another browser began this install, or cookies are blocked  |
| missing_code      | 401    | Slack sent no code                                          |
| invalid_code      | 401    | Slack refused the code                                      |
| slack_unavailable | 502    | Slack did not answer the exchange                           |
| storage_error     | 503    | the store did not answer                                    |

The names and most statuses are Bolt's, so that what watches a Bolt app goes on working.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from latchkey.handlers import pages
from latchkey.slackapi.paths import INSTALL_PATH

if TYPE_CHECKING:
    from latchkey.handlers.base import BaseHandler

logger = logging.getLogger("latchkey.oauth")


class Failure(NamedTuple):
    """One way to fail."""

    reason: str
    status: int
    title: str
    what: str
    advice: str


CANCELLED = Failure(
    "access_denied",
    200,
    "The app was not installed",
    "You chose Cancel, so nothing was changed in your workspace.",
    "If that was a slip, start again.",
)
SLACK_ERROR = Failure(
    "slack_error",
    400,
    "Slack did not install the app",
    "Slack came back with an error instead of an approval.",
    "Start again. If it stays so, your workspace may need an owner's approval for new apps.",
)
REQUEST = Failure(
    "invalid_request",
    400,
    "This link is broken",
    "The address does not look like one that Slack made.",
    "Start again from the beginning.",
)
STATE = Failure(
    "invalid_state",
    401,
    "This link has expired",
    "An install must be finished within ten minutes, and each link works once. This one is over, or was used already.",
    "Start again; it takes a minute.",
)
BROWSER = Failure(
    "invalid_browser",
    400,
    "This install began in another browser",
    "For your safety an install must end in the browser in which it began, and this one does not have its cookie.",
    "Start again here. If it happens again, allow cookies for this site, and open the install page at the very address that your administrator gave.",
)
NO_CODE = Failure(
    "missing_code", 401, "Slack sent no code", "The address lacks what Slack should have added.", "Start again."
)
CODE = Failure(
    "invalid_code",
    401,
    "Slack refused the install",
    "Slack did not accept the code that it had sent a moment ago.",
    "Start again. If it stays so, tell the administrator: the client secret or the redirect URL may be wrong.",
)
SLACK = Failure(
    "slack_unavailable",
    502,
    "Slack did not answer",
    "You allowed the app, but Slack did not hand over its key in time.",
    "Wait a minute and start again. Allowing the app twice does no harm.",
)
STORE = Failure(
    "storage_error",
    503,
    "The server cannot save just now",
    "The app's own store did not answer.",
    "Wait a minute and start again. If it stays so, tell the administrator.",
)

ALL = (CANCELLED, SLACK_ERROR, REQUEST, STATE, BROWSER, NO_CODE, CODE, SLACK, STORE)


def show(handler: BaseHandler, failure: Failure, *, detail: str = "", cause: Exception | None = None) -> None:
    """Answer with the failure's page, or with the operator's own, and log the reason under the same request id."""
    said = detail or (str(cause) if cause else "")
    handler.services.metrics.installs[failure.reason] += 1
    logger.warning(
        "an install failed: %s%s request_id=%s", failure.reason, f" ({said})" if said else "", handler.request_id
    )
    own = handler.services.failure_url
    if own:
        query = urlencode({"error": failure.reason, "request_id": handler.request_id})
        handler.redirect(f"{own}{'&' if '?' in own else '?'}{query}")
        return
    html = pages.failed(failure.title, failure.what, failure.advice, INSTALL_PATH, handler.request_id)
    handler.write_page(html, failure.status)
