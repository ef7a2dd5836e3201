"""Sketches: what is kept of a slide's records, and what adds up to a window."""
