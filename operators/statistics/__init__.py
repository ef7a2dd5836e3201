"""Statistics: tests, distances and effects, of numbers alone."""
