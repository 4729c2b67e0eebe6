"""An app's own Python packages: what its requirements.txt names, and installing them on top of the locked ones."""

from latchkey.packages.comparing import Comparison, compare
from latchkey.packages.installing import Installation, install
from latchkey.packages.locks import Locks, read_locks
from latchkey.packages.places import is_complete_release, requirement_files
from latchkey.packages.reading import Requirements, read_requirements

__all__ = [
    "Comparison",
    "Installation",
    "Locks",
    "Requirements",
    "compare",
    "install",
    "is_complete_release",
    "read_locks",
    "read_requirements",
    "requirement_files",
]
