"""Where the sequential detectors of a key stand: how near each is to an alarm, and above what it alarms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from operators.detectors import adwin, page_hinkley
from operators.detectors.adwin_borders import closest
from operators.detectors.arrays import Floats
from operators.monitoring.detection import Detection
from operators.monitoring.state import KeyState

Standing = tuple[float, float]  # statistic and threshold


def standings(detection: Detection, segment: str, state: KeyState) -> dict[int, Standing]:
    """Of each track on ranks that could alarm, by its number.

    ``adwin``: how far the parts of its window are apart, at the border nearest to a cut, and how far they may be.
    ``page_hinkley``: the cumulative deviation on the side that is nearer to its threshold.
    """
    tracks = detection.tracks
    at = detection.thresholds(segment, state.values_per_ms(detection.signals.model.window.slide_ms))
    found: dict[int, Standing] = {}
    if many := len(tracks.adwin.tracks):
        found.update(_finite(tracks.adwin.tracks, *closest(adwin.unpack(state.tracks[0], many), at.delta)))
    if many := len(tracks.page_hinkley.tracks):
        rows = page_hinkley.unpack(state.tracks[1], many)
        rise = rows[:, page_hinkley.RISE] - rows[:, page_hinkley.RISE_MIN]
        fall = rows[:, page_hinkley.FALL_MAX] - rows[:, page_hinkley.FALL]
        rises = rise / at.up >= fall / at.down
        rises = np.where(np.isfinite(at.up) & np.isfinite(at.down), rises, np.isfinite(at.up))
        found.update(_finite(tracks.page_hinkley.tracks, np.where(rises, rise, fall), np.where(rises, at.up, at.down)))
    return found


def _finite(tracks: Sequence[int], statistics: Floats, thresholds: Floats) -> Iterator[tuple[int, Standing]]:
    for track, statistic, threshold in zip(tracks, statistics.tolist(), thresholds.tolist(), strict=True):
        if np.isfinite(statistic) and np.isfinite(threshold):
            yield track, (statistic, threshold)
