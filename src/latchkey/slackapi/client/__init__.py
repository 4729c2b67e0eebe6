"""The Web API client: connection pool, retries, rate limits, observation."""

from latchkey.slackapi.client.factory import TIMEOUT_SECONDS, WebClients, open_session
from latchkey.slackapi.client.rate_limits import MAX_WAIT_SECONDS, ReleasableSlot
from latchkey.slackapi.client.response_url import ResponseUrl, response_url_of
from latchkey.slackapi.client.responses import answer_of

__all__ = [
    "MAX_WAIT_SECONDS",
    "TIMEOUT_SECONDS",
    "ReleasableSlot",
    "ResponseUrl",
    "WebClients",
    "answer_of",
    "open_session",
    "response_url_of",
]
