"""Finds the requirements.txt of the app."""

from __future__ import annotations

from pathlib import Path

NAME = "requirements.txt"
_OF_A_CLONE = ("latchkey", "server.py", "requirements-build.txt")


def requirement_files(base: Path | None, checkout: Path | None) -> list[Path]:
    """Return the app's requirement files: beside config.toml, and in `listeners/` of the checkout.

    `base` is the folder of config.toml. In a clone of Latchkey, requirements.txt is Latchkey's own lock file, so the
    app's is `listeners/requirements.txt`.
    """
    found = [] if checkout is None else [checkout / "listeners" / NAME]
    if base is not None:
        found.append(base / "listeners" / NAME if _is_clone(base) else base / NAME)
    return [path for path in dict.fromkeys(path.absolute() for path in found) if path.is_file()]


def is_complete_release(checkout: Path) -> bool:
    """Whether this is an installed release, which only `install-service` makes and nothing changes afterwards."""
    return (checkout / ".complete").exists()


def _is_clone(folder: Path) -> bool:
    return all((folder / name).is_file() for name in _OF_A_CLONE)
