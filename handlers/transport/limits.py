"""Limits on the size of a request."""

MAX_BODY_BYTES = 1 << 20
"""Slack's largest payloads are a few hundred kB."""
MAX_HEADER_BYTES = 64 << 10
"""Slack and browsers send less than 10 kB."""
