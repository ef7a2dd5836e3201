"""Encoding: values become codes, codes become chunks by key and pane."""
