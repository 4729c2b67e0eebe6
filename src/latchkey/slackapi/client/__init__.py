"""The Web API client: connection pool, retries, rate limits, observation."""

from latchkey.slackapi.client.factory import TIMEOUT_SECONDS, WebClients, open_session
from latchkey.slackapi.client.rate_limits import LONGEST_WAIT_SECONDS, Idle, nobody_idles
from latchkey.slackapi.client.response_url import ResponseUrl, response_url_of
from latchkey.slackapi.client.responses import answer_of

__all__ = [
    "LONGEST_WAIT_SECONDS",
    "TIMEOUT_SECONDS",
    "Idle",
    "ResponseUrl",
    "WebClients",
    "answer_of",
    "nobody_idles",
    "open_session",
    "response_url_of",
]
