"""Finds out whether the kernel reports changes in a folder, or whether it must be polled."""

from __future__ import annotations

from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_SHARED = ("nfs", "cifs", "smb", "9p", "fuse", "vboxsf", "virtiofs", "prl_fs", "vmhgfs", "afs", "ceph", "gluster")
"""Beginnings of the types of file systems that other machines change as well, of which inotify(7) does not learn."""


def needs_polling(folder: Path, mounts: Path = _MOUNTS) -> bool:
    """Whether the folder is on a file system that is shared with other machines."""
    return _type_of(folder.resolve(), mounts).startswith(_SHARED)


def _type_of(folder: Path, mounts: Path) -> str:
    """Return the type of the file system that the folder is on; empty if that cannot be known. See proc(5)."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    found: tuple[int, str] = (-1, "")
    for line in lines:
        before, _, after = line.partition(" - ")
        point = Path(before.split(" ")[4].replace("\\040", " "))
        # The innermost mount; of several at one place, the last.
        if folder.is_relative_to(point) and len(point.parts) >= found[0]:
            found = len(point.parts), after.split(" ")[0]
    return found[1]
