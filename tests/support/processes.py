"""Starts processes that run a function of a test at the same time."""

import multiprocessing
from multiprocessing.context import ForkServerContext

READY_SECONDS = 60
"""Time for all processes to start."""


def fork_server(module: str) -> ForkServerContext:
    """Return the context for processes that run functions of this module, which is imported only once for all."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return context
