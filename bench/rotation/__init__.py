"""Measures a key rotation beside events."""

from bench.rotation.beside_events import beside_events

__all__ = ["beside_events"]
