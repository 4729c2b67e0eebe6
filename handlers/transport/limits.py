"""Limits on the size of a request; `latchkey.slackapi.requests.MAX_BODY_BYTES` is that of an event."""

MAX_UNSIGNED_BODY_BYTES = 1 << 10
"""Slack's certificate check is the only request that may be unsigned, and has about a hundred bytes."""
MAX_CONNECTIONS = 2000
"""Open connections, if there are descriptors for them."""
MAX_HEADER_BYTES = 32 << 10
"""Slack and browsers send less than 10 kB."""
READ_BYTES = 16 << 10
"""Read from a connection at once. Together with the headers, it bounds what a client costs before its request is
known."""
