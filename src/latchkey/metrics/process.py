"""Metrics of this process: memory, CPU, file descriptors, start time.

prometheus_client's collector reads the boot time from /proc/stat and reports nothing if
that file is hidden, as systemd's ProcSubset=pid does. Ours also works in that sandbox.
"""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector


class SandboxedProcessCollector(ProcessCollector):
    """A ProcessCollector that derives the boot time from the kernel's clocks."""

    def _boot_time(self) -> float:
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def add_process_metrics(registry: CollectorRegistry, proc: str = "/proc") -> None:
    """Export `process_…` and Python's garbage collection (`python_gc_…`) in this registry."""
    SandboxedProcessCollector(registry=registry, proc=proc)
    GCCollector(registry=registry)
