"""Measures, on positions that one can count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from benchmarks.quality.measures import Alarms, Score, episodes, poisson_interval, score
from benchmarks.quality.streams import Stream, Truth

ROWS = np.zeros((1_000, 1))


def stream(*truths: Truth, window: int = 100, judged: bool = True) -> Stream:
    return Stream(
        name="s", group="g", change="c", reference=ROWS, values=ROWS, truths=truths, window=window, named=(False,),
        judged=judged, prolonged=50,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("positions", "begins"),
    [([], []), ([7], [0]), ([7, 107], [0]), ([7, 108], [0, 1]), ([7, 100, 150, 207, 208], [0, 2]), ([7, 7], [0])],
)
def test_alarms_within_a_window_of_the_first_are_one_episode(positions, begins):
    """Of the first, not of the last: who alarms all the time has an episode in each window."""
    assert episodes(positions, 100) == begins


@pytest.mark.parametrize("count", [0, 1, 7, 200])
def test_the_interval_is_of_the_means_that_the_number_does_not_contradict(count):
    """At its ends the number, or a more extreme one, has a probability of 2.5 %."""
    low, high = poisson_interval(count)
    assert poisson.cdf(count, high) == pytest.approx(0.025)
    assert low == 0 if count == 0 else poisson.sf(count - 1, low) == pytest.approx(0.025)


def test_a_drift_is_found_by_the_first_episode_in_it():
    """What comes before it is false; what comes again in it is neither."""
    one = score([(stream(Truth(500, 1_000)), Alarms((200, 530, 700, 950), (190, 510, 600, 900)))])
    assert (one.false, one.quiet, one.drifts, one.delays, one.errors) == (1, 500, 1, [30], [10])


def test_a_drift_is_not_found_after_the_horizon_or_its_end():
    """The horizon is four windows."""
    late, over = stream(Truth(100, 1_000)), stream(Truth(100, 200))
    assert score([(late, Alarms((501,)))]).delays == []
    assert score([(late, Alarms((500,)))]).delays == [400]
    assert score([(over, Alarms((201,)))]).delays == []


def test_alarms_soon_after_a_drift_are_not_false():
    """The window still holds it; those values count as neither calm nor drift."""
    one = score([(stream(Truth(100, 200)), Alarms((250, 700)))])
    assert (one.false, one.quiet) == (1, 1_000 - 150)


def test_streams_of_unknown_truth_are_not_judged():
    """Their cost counts."""
    one = score([(stream(judged=False), Alarms((10,), None, 2.0, 1_000_000))])
    assert (one.streams, one.quiet, one.false, one.mtr, one.cost) == (1, 0, 0, None, 2.0)


def test_the_mean_time_ratio():
    """MTFA 5,000 over MTD 50, of which half of the drifts were found."""
    one = Score(quiet=10_000, false=2, drifts=4, delays=[40, 60])
    assert one.mtr == 5_000 / 50 * 0.5
    assert Score(quiet=10_000, drifts=4, delays=[50]).mtr == 10_000 / 50 * 0.25
    assert Score(quiet=10_000, drifts=4).mtr == 0


def test_scores_add_up():
    """Of two parts the score is that of the whole."""
    one = (stream(Truth(500, 1_000)), Alarms((200, 530), (190, 510), 1.0, 10))
    two = (stream(), Alarms((5,), (5,), 2.0, 20))
    whole, parts = score([one, two]), score([one])
    parts.add(score([two]))
    assert whole == parts


def test_false_episodes_of_a_period_come_with_their_interval():
    """Ten in ten periods are one a period."""
    rate, low, high = Score(quiet=1_000, false=10).false_in(100)
    assert (rate, round(low, 3), round(high, 3)) == (1.0, 0.48, 1.839)


def test_what_chance_would_find():
    """Three false episodes in 1,000 values: a horizon of 400 has one with a probability of 1 - exp(-1.2)."""
    one = Score(quiet=1_000, false=3, drifts=2, hunted=800)
    assert one.chance == pytest.approx(1 - np.exp(-1.2))
    assert Score(quiet=1_000, false=3).chance is None
