"""What the operating system says of this process: memory, CPU, file descriptors, start.

Rule: prometheus_client's own collector, in a sandbox too. It reads the time of
the boot in /proc/stat, and shows nothing at all where that file is hidden, as
systemd's ProcSubset=pid hides it.
"""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector


class SandboxedProcessCollector(ProcessCollector):
    """ProcessCollector, with the time of the boot from the kernel's clocks."""

    def _boot_time(self) -> float:
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def add_process_metrics(registry: CollectorRegistry, proc: str = "/proc") -> None:
    """Show `process_…` and Python's garbage collection (`python_gc_…`) in this registry."""
    SandboxedProcessCollector(registry=registry, proc=proc)
    GCCollector(registry=registry)
