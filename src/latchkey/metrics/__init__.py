"""Counters and gauges."""

from latchkey.metrics.counters import INSTALLED, OTHER, Metrics
from latchkey.metrics.process import add_process_metrics
from latchkey.metrics.store_gauges import Inventory

__all__ = ["INSTALLED", "OTHER", "Inventory", "Metrics", "add_process_metrics"]
