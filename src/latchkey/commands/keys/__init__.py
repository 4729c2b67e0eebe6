"""`latchkey keys`."""
