"""The memory of a running process."""

from __future__ import annotations

from pathlib import Path


def resident_megabytes(pid: int) -> float:
    """Return the memory that the process has in RAM, in MiB: VmRSS in proc(5)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024
