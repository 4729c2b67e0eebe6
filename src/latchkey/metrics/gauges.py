"""Gauges that are read when Prometheus scrapes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from latchkey.errors import LatchkeyError

logger = logging.getLogger("latchkey.metrics")


class ScrapedGauges(Collector):
    """Gauges by name. Each has a function that returns its value, or its values by label value.

    prometheus_client's `Gauge.set_function` fails the whole scrape if the function raises; here, a LatchkeyError
    leaves out only the gauge.
    """

    def __init__(self) -> None:
        self._gauges: dict[str, tuple[str, str | None, Callable[[], float | Mapping[str, float]]]] = {}

    def add(self, name: str, text: str, label: str | None, read: Callable[[], float | Mapping[str, float]]) -> None:
        """Add a gauge, or replace the one with this name."""
        self._gauges[name] = text, label, read

    def collect(self) -> Iterator[Metric]:
        """Yield each gauge that can be read, for prometheus_client."""
        for name, (text, label, read) in self._gauges.items():
            try:
                value = read()
            except LatchkeyError as error:
                logger.warning("cannot read the metric %s: %s", name, error)
                continue
            yield _family(name, text, label, value)


def _family(name: str, text: str, label: str | None, value: float | Mapping[str, float]) -> Metric:
    if not isinstance(value, Mapping):
        return GaugeMetricFamily(name, text, value=value)
    family = GaugeMetricFamily(name, text, labels=[label or ""])
    for key, number in value.items():
        family.add_metric([key], number)
    return family
