"""Tuning: the most sensitive setting that keeps the budget, and no other."""

from __future__ import annotations

import numpy as np

from benchmarks.quality import simulated, tidemark
from benchmarks.quality.measures import Score
from benchmarks.quality.streams import Stream
from benchmarks.quality.tuning import chosen, over, threshold


def test_the_most_sensitive_rung_that_keeps_the_budget_is_chosen():
    """One in a hundred values is exactly the budget; where none keeps it the last is taken."""
    rungs = [(number, Score(quiet=1_000, false=false)) for number, false in enumerate([40, 11, 10, 9])]
    assert chosen(rungs, 100)[0] == 2
    assert chosen(rungs[:2], 100)[0] == 1


def test_a_threshold_is_the_lowest_that_keeps_the_budget():
    """Of scores 1 to 20, a window apart, two in 20 windows may be over it."""
    rows = np.zeros((2_000, 1))
    one = Stream(
        name="s", group="g", change="none", reference=rows, values=rows, truths=(), window=50, named=(False,)
    )  # fmt: skip
    scores = [(100 * number, float(number)) for number in range(1, 21)]
    level = threshold([(one, scores)], 1_000)
    assert level == 18.0
    assert over(scores, level).positions == (1_900, 2_000)


def test_tidemark_finds_a_shift_with_its_defaults():
    """Within half a slide or so, at the end of a pane, and tells the onset."""
    one = simulated.stream("normal", "shift 1 sd", 0, 1)
    alarms = tidemark.watch(one)
    start = one.truths[0].start
    first, onset = next(
        (position, onset) for position, onset in zip(alarms.positions, alarms.onsets, strict=True) if position > start
    )
    assert first - start <= 60
    assert abs(onset - start) <= 30


def test_an_open_episode_is_an_alarm_at_each_evaluation():
    """A shift that stays is an alarm at the end of each slide from the first on, as of a windowed test."""
    one = simulated.stream("normal", "shift 1 sd", 1, 1)
    positions = tidemark.watch(one).positions
    after = [position for position in positions if position > one.truths[0].start]
    ends = range(0, len(one.values), one.slide)
    assert after == [after[0], *(end for end in ends if end > after[0]), len(one.values)]
    assert positions == tuple(sorted(set(positions)))
