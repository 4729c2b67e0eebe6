"""`./latchkey bench`: this server beside others, under the same load, in one run."""
