"""Finds the line of the author's code that an exception comes from, however deep in a library it was raised."""

from __future__ import annotations

import functools
import os
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

import latchkey

_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def author_line(error: BaseException, module: str) -> traceback.FrameSummary | None:
    """Return the innermost line of the author's in an exception's traceback, or None if there is none.

    `module` is the listener's: its package is the author's wherever it is installed. So is everything outside of
    Python's library, of the installed packages and of Latchkey.
    """
    package = _package_of(module)
    for each in _related(error, set()):
        frames = [
            (frame, line)
            for frame, line in traceback.walk_tb(each.__traceback__)
            if _is_authors(frame.f_code.co_filename, frame.f_globals.get("__name__", ""), package)
        ]
        if frames:
            [summary] = traceback.StackSummary.extract(iter(frames[-1:]), lookup_lines=False)
            return summary
    return None


def _related(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    """Yield the exceptions of a group, the exception itself, and those that it was raised from or during."""
    if id(error) in seen:
        return
    seen.add(id(error))
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _related(part, seen)
    yield error
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None:
        yield from _related(earlier, seen)


def _is_authors(filename: str, module: str, package: str) -> bool:
    if filename.startswith("<"):
        return False  # generated code, which no editor shows
    if module == package or module.startswith(f"{package}."):
        return True
    return not filename.startswith(_library_folders()) and not any(part in filename for part in _INSTALLED)


def _package_of(module: str) -> str:
    """Return the top-level package of a module; that of the shipped listeners is `latchkey.example`."""
    first, _, rest = module.partition(".")
    return f"{first}.{rest.partition('.')[0]}" if first == latchkey.__name__ else first


@functools.cache
def _library_folders() -> tuple[str, ...]:
    found = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")} | {str(Path(latchkey.__file__).parent)}
    return tuple(f"{folder}{os.sep}" for name in found for folder in (name, os.path.realpath(name)))
