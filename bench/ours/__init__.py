"""This server, as the bench runs it."""
