"""Profiles: what the reference looks like, built from its data, checked, and found for a record."""
