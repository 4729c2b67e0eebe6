"""What may be wrong with an installation, found and told with its cause and its cure."""
