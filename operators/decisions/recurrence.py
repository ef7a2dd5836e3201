"""Recurrence: whether a change that begins is one that was there before.

Of each episode that ends is kept how the shares of its strongest signals differed from the reference. A window that
has but in part passed the onset is a mixture of before and after, so it differs in the same direction and by less. An
earlier change is the same if some multiple of it is what the new window shows, within the noise of both: a chi-squared
test of what is left, with one degree of freedom less than the shares have.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from operators.decisions.episodes import Episode
from operators.decisions.outputs import SignalChange
from schemas.events import SignalEvidence, Why
from schemas.terms import Kind

PAST = 32  # episodes that are remembered: with fewer, a change of last season is new; more are state, 1 KB each
MARKS = 3  # signals of each
SAME = 0.01  # p-value from which two changes are the same; independent values rejected more would be missed as often
CELLS = 3  # shares, with fewer of which every change in one direction is the same

Floats = npt.NDArray[np.float64]


class Mark(msgspec.Struct, array_like=True):
    """How a signal's shares differed."""

    direction: str
    cells: list[str]  # names of the shares: edges or categories
    reference: list[float]
    current: list[float]
    count: int  # records of the window
    moments: list[float] = []  # of numbers: mean and sd of the reference, then of the window


class Past(msgspec.Struct, array_like=True):
    """An episode that is over."""

    episode: str
    segment: str
    kind: Kind
    ended_ms: int
    why: Why
    marks: dict[str, Mark]  # by signal, the strongest first
    version: str = ""
    profile: str = ""  # id of what it differed from; of what an older release has kept neither is known


def remembered(past: Sequence[Past], episode: Episode, ended_ms: int, why: Why, strongest: Sequence[str]) -> list[Past]:
    """What is remembered with an episode that is over; ``strongest`` are its signals."""
    marks = marks_of(episode.members, strongest)
    if not marks:
        return list(past)
    profile = next(iter(episode.members.values())).profile_id
    made = Past(episode.id, episode.segment, episode.kind, ended_ms, why, marks, episode.version, profile)
    return [*past, made][-PAST:]


def recurring(past: Sequence[Past], episode: Episode, strongest: Sequence[str]) -> Past | None:
    """The newest episode that a new one is like: of its segment and kind, by the strongest signals of both."""
    marks = marks_of(episode.members, strongest)
    for one in reversed(past):
        alike = (one.segment, one.kind) == (episode.segment, episode.kind)
        if alike and marks.keys() & one.marks.keys() and next(iter(marks)) in one.marks:
            if all(_same(mark, one.marks[name]) for name, mark in marks.items() if name in one.marks):
                return one
    return None


def marks_of(members: dict[str, SignalChange], strongest: Sequence[str]) -> dict[str, Mark]:
    """How the strongest signals differ, as far as it shows in shares."""
    found = {}
    for name in strongest:
        if (mark := _mark(members[name].evidence, members[name].window.count)) is not None:
            found[name] = mark
    return dict(list(found.items())[:MARKS])


def _mark(evidence: SignalEvidence, count: int) -> Mark | None:
    told = evidence.histogram
    if told is not None:
        cells, rows = [*map(repr, told.edges), ""], (told.reference, told.current)
    else:
        named = sorted(evidence.categories or (), key=lambda one: one.category)
        cells = [one.category for one in named]
        rows = tuple(one.reference for one in named), tuple(one.current for one in named)
    if len(cells) < CELLS:
        return None
    then, now = evidence.reference, evidence.current
    known = [then.mean, then.sd, now.mean, now.sd] if told is not None else []
    moments = [value for value in known if value is not None]
    return Mark(
        evidence.effect.direction, cells, list(rows[0]), list(rows[1]), count, moments if len(moments) == 4 else []
    )


def _same(new: Mark, old: Mark) -> bool:
    if (new.direction, new.cells) != (old.direction, old.cells):
        return False
    now, then = np.array(new.current), np.array(old.current)
    moved, before = now - np.array(new.reference), then - np.array(old.reference)
    shares = np.maximum((now + then) / 2, 1.0 / (new.count + old.count))
    size = float((before**2 / shares).sum())
    part = float((moved * before / shares).sum()) / size if size else 0.0
    if part <= 0:
        return False
    rest = moved - part * before
    noise = 1 / new.count + part**2 / old.count
    return bool(chdtrc(len(shares) - 2, float((rest**2 / shares).sum()) / noise) >= SAME)
