"""Relations: what features have to do with each other."""
