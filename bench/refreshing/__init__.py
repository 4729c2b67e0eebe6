"""Measures what becomes of tokens that have expired, or soon expire."""

from bench.refreshing.comparison import compare
from bench.refreshing.sweeping import beside_events

__all__ = ["beside_events", "compare"]
