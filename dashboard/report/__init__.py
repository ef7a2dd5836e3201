"""Reports: what a job found in a span of time, as one page that needs nothing else."""

from dashboard.report.gathered import Report, Series, gather, read_events, read_scores, series_of

__all__ = ["Report", "Series", "gather", "read_events", "read_scores", "series_of"]
