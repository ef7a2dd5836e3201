"""Decisions: what is told and asked for: episodes, messages, retraining."""
