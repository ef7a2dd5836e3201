"""Programs that run in the peers' own environments; they import nothing of Tidemark, and of this package `protocol`."""
