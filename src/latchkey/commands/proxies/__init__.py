"""`latchkey proxy-config`."""
