"""`latchkey events`."""
