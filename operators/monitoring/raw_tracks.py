"""Raw tracks: detectors outside the budget, each with options of its own, that see their signal alone.

These are ADWIN and Page-Hinkley on a signal's own values, with river's defaults, and river's own detectors, on these
or on ranks. What river's are shown of a boolean is 1 for true and 0 for false.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from operators.detectors import adwin, page_hinkley, river
from operators.detectors.alarms import Alarms
from operators.encoding.chunks import Pane
from operators.monitoring.track import Found, Hit, Track

DELTA = 0.002  # river's defaults, for raw values without options of their own
THRESHOLD = 50.0

Floats = npt.NDArray[np.float64]


def start(track: Track, key: str) -> Any:
    """State before the first value of a key."""
    return river.start(track.plan, f"{key} {track.followed}") if track.plan.is_river else _module(track).start(1)


def pack(track: Track, state: Any) -> bytes:
    """Bytes of a state."""
    return bytes(_module(track).pack(state))


def unpack(track: Track, data: bytes, key: str) -> Any:
    """The state that `pack` made into bytes."""
    if track.plan.is_river:
        return river.unpack(data, track.plan, f"{key} {track.followed}")
    return _module(track).unpack(data, 1)


def follow(track: Track, number: int, state: Any, column: Floats, pane: Pane) -> list[Hit]:
    """Show a track a pane's records, in order; ``state`` is updated in place.

    Parameters
    ----------
    number
        Of the track.
    column : float64, shape (records,)
        What each record has; what is not finite is not shown.
    """
    valid = np.flatnonzero(np.isfinite(column))
    if track.plan.is_river:
        return _river(track, number, state, column[valid], pane.times_ms[valid])
    found = Found()
    found.add(_own(track, state, np.ascontiguousarray(column[valid])[None, :]), np.zeros(1, np.int64))
    return [alarmed.hit(number, valid, pane) for alarmed in found.rows.values()]


def _module(track: Track) -> Any:
    return river if track.plan.is_river else adwin if track.detector == "adwin" else page_hinkley


def _own(track: Track, state: Floats, values: Floats) -> Alarms:
    lengths = np.array([values.shape[1]], np.int64)
    options = track.plan.options
    if track.detector == "adwin":
        delta = np.array([float(options.get("delta", DELTA))])
        return adwin.adwin(values, lengths, state, delta, keep=options.get("reset") != "river")
    limit = np.array([track.plan.threshold if track.plan.threshold is not None else THRESHOLD])
    return page_hinkley.page_hinkley(
        values,
        lengths,
        state,
        float(options.get("delta", page_hinkley.DELTA)),
        limit,
        limit.copy(),
        fading=float(options.get("alpha", page_hinkley.FADING)),
        min_count=int(options.get("min_instances", page_hinkley.MIN_COUNT)),
    )


def _river(track: Track, number: int, detector: Any, values: Floats, times_ms: npt.NDArray[np.int64]) -> list[Hit]:
    alarms = river.update(detector, values.tolist(), track.detector)
    if not alarms:
        return []
    time_ms = int(times_ms[alarms[0]])
    many = len(alarms)
    return [Hit(number, many, time_ms, onset_ms=time_ms, before=0.0, statistic=float(many), threshold=0.0)]
