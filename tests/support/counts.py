"""Reads what is measured: counters as Prometheus does, and the memory of a process."""

from pathlib import Path

from latchkey.metrics import Metrics


def count(metrics: Metrics, name: str, **labels: str) -> float:
    """Return the value of the counter `latchkey_<name>_total` with exactly these labels."""
    value = metrics.registry.get_sample_value(f"latchkey_{name}_total", labels)
    assert value is not None, f"there is no counter {name} {labels}"
    return value


def counts(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    """Return all values of the counter `latchkey_<name>_total`, or of the summary's `_count`, by label values."""
    names = {f"latchkey_{name}_total", f"latchkey_{name}_count"}
    samples = [sample for family in metrics.registry.collect() for sample in family.samples]
    return {tuple(sample.labels.values()): sample.value for sample in samples if sample.name in names}


def resident_megabytes(pid: int) -> float:
    """Return the memory that the process has in RAM, in MiB: VmRSS in proc(5)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024
