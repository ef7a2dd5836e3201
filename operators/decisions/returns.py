"""Returns: whether a change leads back to what was normal before, for an older version or until something was accepted.

Of episodes that are over the reference is known that they differed from. An episode of another reference goes back to
it if its window lies on the way from its own reference there: the window is a mixture of before and after, so some part
of the whole way. Profiles have bins of their own, so shares are compared between the edges of the new one, where those
of the old one are interpolated, and means are. This says that both are alike for practical purposes, not that they are
equal: bars of a histogram cannot tell more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from operators.decisions.episodes import Episode
from operators.decisions.recurrence import Mark, Past, marks_of
from schemas.events import Returned

NOISE = 1.63  # over the root of the records: by which shares below a value are off once in a hundred times (KS, 1 %)
CLEAR = 2  # times the noise that a way has to be gone: with less, too many ways would fit
SHARES = 0.05  # by which shares at the end of the way may differ: interpolation is off by up to 0.02
MEANS = 0.25  # by which means may, in standard deviations: a small effect
FURTHEST = 1.25  # of the way; beyond it is another state
TAILS = 3  # standard deviations from the mean, between which and the outermost edges the rest lies

Floats = npt.NDArray[np.float64]


def returning(past: Sequence[Past], episode: Episode, strongest: Sequence[str]) -> Returned | None:
    """The newest reference that a change of another one leads back to; ``strongest`` are the episode's signals."""
    marks = marks_of(episode.members, strongest)
    profile = next(iter(episode.members.values())).profile_id
    for one in reversed(past):
        alike = (one.segment, one.kind) == (episode.segment, episode.kind) and one.profile not in ("", profile)
        if alike and marks and next(iter(marks)) in one.marks:
            if all(_goes_back(mark, one.marks[name]) for name, mark in marks.items() if name in one.marks):
                return Returned(version=one.version, reference=one.profile, episode=one.episode)
    return None


def _goes_back(new: Mark, old: Mark) -> bool:
    shares = _of_numbers(new, old) if new.moments and old.moments else _of_categories(new, old)
    if shares is None:
        return False
    own, now, then = shares
    moved, way = now - own, then - own
    noise, length = NOISE / max(new.count, 1) ** 0.5, float((way**2).sum())
    part = float((moved * way).sum()) / length if length else 0.0
    if not 0 < part <= FURTHEST or part * float(np.abs(way).max()) < CLEAR * noise:
        return False
    if float(np.abs(moved - part * way).max()) > noise + part * SHARES:
        return False
    if not (new.moments and old.moments):
        return True
    own_mean, _, mean, sd = new.moments
    old_mean, old_sd = old.moments[:2]
    off = abs(mean - own_mean - part * (old_mean - own_mean))
    return bool(off <= 3 * sd / max(new.count, 1) ** 0.5 + part * MEANS * old_sd)


def _of_numbers(new: Mark, old: Mark) -> tuple[Floats, Floats, Floats] | None:
    """Shares below each edge of the new reference: in it, in the window, and in the old reference."""
    edges, before = (np.array([float(cell) for cell in mark.cells[:-1]]) for mark in (new, old))
    own, now, then = (np.cumsum(row)[:-1] for row in (new.reference, new.current, old.reference))
    mean, sd = old.moments[:2]
    outer = min(mean - TAILS * sd, before[0]), max(mean + TAILS * sd, before[-1])
    return own, now, np.interp(edges, [outer[0], *before, outer[1]], [0.0, *then, 1.0])


def _of_categories(new: Mark, old: Mark) -> tuple[Floats, Floats, Floats] | None:
    """Shares of the categories that both tell of."""
    both = [name for name in new.cells if name in old.cells]
    if len(both) < len(new.cells) / 2 or new.moments or old.moments:
        return None
    at, before = [new.cells.index(name) for name in both], [old.cells.index(name) for name in both]
    return np.array(new.reference)[at], np.array(new.current)[at], np.array(old.reference)[before]
