"""Counters and gauges."""

from latchkey.metrics.counters import INSTALLED, OTHER, Metrics
from latchkey.metrics.process import add_process_metrics
from latchkey.metrics.store_gauges import StoreGauges

__all__ = ["INSTALLED", "OTHER", "Metrics", "StoreGauges", "add_process_metrics"]
