"""Volumes: how many records a version had in the newest slides, and which share of them a window has."""

from __future__ import annotations

import msgspec

from operators.decisions.episodes import Story
from operators.decisions.outputs import Progress
from schemas.cloudevents import milliseconds
from schemas.events import Window

# Slides of which the model version's records are remembered: windows that have grown over more take the older ones as
# equally busy. With fewer, shares of rare segments are rough; with more, state grows by 12 bytes each.
VOLUMES = 1_000


def counted(story: Story, progress: Progress, reach_ms: int) -> None:
    """Count the records of a slide, and forget slides and versions that no window reaches any more."""
    since_ms = progress.time_ms - reach_ms
    known = {version: slides for version, slides in story.volumes.items() if slides[-1][0] > since_ms}
    slides = [*known.get(progress.version, []), (progress.time_ms, progress.records)]
    story.volumes = known | {progress.version: slides[-VOLUMES:]}


def shared(window: Window, version: str, story: Story, unfinished: int) -> Window:
    """The window with its share of the version's records in slides that are over; 1 where nothing is known of them."""
    start_ms, end_ms = milliseconds(window.start), milliseconds(window.end)
    slides = [slide for slide in story.volumes.get(version, []) if start_ms < slide[0] <= end_ms]
    whole = float(sum(records for _, records in slides))
    if len(slides) == VOLUMES:
        whole *= max(1.0, (end_ms - start_ms) / max(end_ms - slides[0][0], 1))
    return msgspec.structs.replace(window, share=min(1.0, (window.count - unfinished) / whole) if whole else 1.0)
