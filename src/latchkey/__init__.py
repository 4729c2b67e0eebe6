"""Latchkey, the durable Slack app and agent server for one machine."""

__version__ = "0.1.0"
