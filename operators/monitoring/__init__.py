"""Monitoring: what arrives, window by window against the reference."""
