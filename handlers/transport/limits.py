"""The size of requests."""

LARGEST_BODY = 1 << 20
"""Bytes; Slack's largest payloads are a few hundred kB."""
