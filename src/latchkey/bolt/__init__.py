"""Runs apps that are written with slack_bolt, unchanged; the only package that knows slack_bolt.

It is imported only if `[bolt]` is set, because slack_bolt takes several megabytes of memory.
"""

from latchkey.bolt.loading import load_bolt_app
from latchkey.bolt.mounted import BoltApp

__all__ = ["BoltApp", "load_bolt_app"]
