"""`./latchkey bench`: compares this server with others under the same load."""
