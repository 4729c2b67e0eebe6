"""Compares what becomes of tokens that have just expired."""

from bench.refreshing.comparison import compare

__all__ = ["compare"]
