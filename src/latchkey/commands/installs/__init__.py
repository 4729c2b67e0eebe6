"""`latchkey installs`."""
