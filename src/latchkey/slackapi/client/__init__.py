"""The Web API client: connection pool, retries, rate limits, observation."""

from latchkey.slackapi.client.blocking import blocking_client, run_on_loop
from latchkey.slackapi.client.call_arguments import has_own_token
from latchkey.slackapi.client.completing import Completion, already_complete
from latchkey.slackapi.client.factory import REQUEST_TIMEOUT, WebClients
from latchkey.slackapi.client.proxy import ProxyFor, no_proxy
from latchkey.slackapi.client.rate_limits import MAX_WAIT_SECONDS, ReleasableSlot
from latchkey.slackapi.client.response_url import ResponseUrl, response_url_of
from latchkey.slackapi.client.responses import (
    UNEXPECTED_RESPONSE,
    error_code,
    failure_reason,
    is_error_code,
    response_data,
)

__all__ = [
    "MAX_WAIT_SECONDS",
    "REQUEST_TIMEOUT",
    "UNEXPECTED_RESPONSE",
    "Completion",
    "ProxyFor",
    "ReleasableSlot",
    "ResponseUrl",
    "WebClients",
    "already_complete",
    "blocking_client",
    "error_code",
    "failure_reason",
    "has_own_token",
    "is_error_code",
    "no_proxy",
    "response_data",
    "response_url_of",
    "run_on_loop",
]
