"""Ctrl-C while modules are imported, when there is nothing to clean up."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def quiet_interrupts() -> Iterator[None]:
    """Let SIGINT end the process at once within the block; a KeyboardInterrupt in an import prints a traceback.

    Does nothing if SIGINT is ignored or has another handler, or outside the main thread.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    with suppress(ValueError):  # outside the main thread
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        with suppress(ValueError):
            signal.signal(signal.SIGINT, signal.default_int_handler)
