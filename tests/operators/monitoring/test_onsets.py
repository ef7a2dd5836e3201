"""Onsets: where a change began, and an interval that holds it about as often as it says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from operators.monitoring.onsets import STEPS, WITHIN, likelihoods, likelihoods_of_shares, onset
from operators.statistics.ranks import rank_table, spread_ranks
from tests.operators.signals import categorical_signal, codes_of, continuous_signal

MINUTE = 60_000
SLIDES = 12


def rows(codes: np.ndarray) -> np.ndarray:
    """Counts of equal slides."""
    return np.array([np.bincount(part, minlength=256) for part in np.array_split(codes, SLIDES)], np.float64)


def found(values: np.ndarray):
    """The onset in slides of a minute from 0."""
    return onset(values, np.arange(SLIDES) * MINUTE, np.arange(1, SLIDES + 1) * MINUTE)


@pytest.mark.parametrize("after", [0, 3, 11])
def test_by_the_formula_at_the_borders_of_slides(after: int) -> None:
    """Between sums of squares of values before and after, over the variance of all."""
    rng = np.random.default_rng(2)
    reference = np.bincount(rng.integers(0, 5, 900), minlength=256).astype(float)
    window = rows(rng.integers(0, 5, 600))
    scores = rng.normal(size=256)
    first = np.repeat(np.arange(256), (reference + window[:after].sum(axis=0)).astype(int))
    second = np.repeat(np.arange(256), window[after:].sum(axis=0).astype(int))
    x, y = scores[first], scores[second]
    both = np.concatenate([x, y])
    between = len(x) * (x.mean() - both.mean()) ** 2 + len(y) * (y.mean() - both.mean()) ** 2
    assert likelihoods(window, reference, scores)[after * STEPS] == pytest.approx(between / both.var())
    assert likelihoods(window, reference, scores, tau=4.0)[after * STEPS] == pytest.approx(between / both.var() / 4)


def test_of_shares_by_the_formula() -> None:
    """Each value of a slide was drawn after the change with the share of the slide that is after it."""
    rng = np.random.default_rng(3)
    reference = np.array([600.0, 300.0, 100.0] + [0.0] * 253)
    window = rows(np.concatenate([rng.choice(3, 700, p=[0.6, 0.3, 0.1]), rng.choice(3, 500, p=[0.3, 0.3, 0.4])]))
    now = np.array([window[7:, 0].sum(), window[7:, 2].sum(), window[7:, 1].sum()]) + 0.5
    then = np.array([600, 100, 300]) + 0.5
    ratio = (now / now.sum() / (then / then.sum()))[[0, 2, 1]]
    got = likelihoods_of_shares(window, reference, 7)
    for place in (0, 5 * STEPS + 7, 7 * STEPS, 11 * STEPS + 31):
        expected = 0.0
        for slide in range(SLIDES):
            part = min(max(slide + 1 - place / STEPS, 0.0), 1.0)
            expected += sum(window[slide, code] * math.log(1 + part * (ratio[code] - 1)) for code in range(3))
        assert got[place] == pytest.approx(2 * expected, abs=1e-9)


@pytest.mark.parametrize(("shift", "width"), [(0.5, 0.8), (1.0, 0.4)])
@pytest.mark.parametrize("records", [150, 600])
def test_nine_of_ten_intervals_hold_the_onset(shift: float, width: float, records: int) -> None:
    """Of 300 abrupt shifts anywhere in the window 87 to 99 %; in the median within a fraction of a slide."""
    rng = np.random.default_rng(5)
    signal = continuous_signal(rng.normal(size=10_000))
    reference = np.zeros(256)
    reference[: len(signal.counts)] = signal.counts
    ranks = rank_table(signal)
    held, widths = 0, []
    for _ in range(300):
        at = rng.uniform(3, 10)
        values = rng.normal(size=records * SLIDES)
        values[int(at * records) :] += shift
        got = found(likelihoods(rows(codes_of(values, signal.edges)), reference, ranks))
        held += (got.from_ms or -math.inf) <= at * MINUTE <= got.to_ms
        widths.append(got.to_ms - (got.from_ms or 0))
    assert 0.87 * 300 <= held <= 0.99 * 300
    assert np.median(widths) < width * math.sqrt(150 / records) * 1.2 * MINUTE


@pytest.mark.parametrize("shift", [0.2, 0.5])
def test_nine_of_ten_intervals_hold_an_onset_in_slides_that_were_merged(shift: float) -> None:
    """Of 8, 4, 2 and 1 minutes, of which the older are longer: 87 to 99 % of 300; a step is as long as its slide."""
    rng = np.random.default_rng(8)
    signal = continuous_signal(rng.normal(size=10_000))
    reference = np.zeros(256)
    reference[: len(signal.counts)] = signal.counts
    ranks = rank_table(signal)
    ends = np.cumsum([8] * 4 + [4] * 4 + [2] * 4 + [1] * 8)
    held = 0
    for _ in range(300):
        at = rng.uniform(3, 50)
        values = rng.normal(size=int(ends[-1]) * 60)
        values[int(at * 60) :] += shift
        parts = np.split(codes_of(values, signal.edges), ends[:-1] * 60)
        window = np.array([np.bincount(part, minlength=256) for part in parts], np.float64)
        starts = np.r_[0, ends[:-1]]
        got = onset(likelihoods(window, reference, ranks), starts * MINUTE, ends * MINUTE)
        held += (got.from_ms or -math.inf) <= at * MINUTE <= got.to_ms
    assert 0.87 * 300 <= held <= 0.99 * 300


def test_nine_of_ten_intervals_hold_the_onset_of_a_mix() -> None:
    """A tenth of the values go over to another of fifty categories: 85 to 99 % of 300."""
    rng = np.random.default_rng(6)
    shares = 1 / np.arange(1, 51)
    shares /= shares.sum()
    moved = shares.copy()
    moved[0] -= 0.1
    moved[25] += 0.1
    signal = categorical_signal(rng.multinomial(10_000, shares))
    reference = np.zeros(256)
    reference[:50] = [count for _, count in signal.categories]
    held = 0
    for _ in range(300):
        at = rng.uniform(3, 10)
        before = int(at * 200)
        codes = np.concatenate([rng.choice(50, before, p=shares), rng.choice(50, 200 * SLIDES - before, p=moved)])
        window = rows(codes)
        got = found(likelihoods_of_shares(window, reference, round(at)))
        held += (got.from_ms or -math.inf) <= at * MINUTE <= got.to_ms
    assert 0.85 * 300 <= held <= 0.99 * 300


def test_a_window_that_has_changed_as_a_whole_does_not_know_since_when() -> None:
    """The change may have begun before it."""
    rng = np.random.default_rng(7)
    signal = continuous_signal(rng.normal(size=10_000))
    reference = np.zeros(256)
    reference[: len(signal.counts)] = signal.counts
    window = rows(codes_of(rng.normal(size=3_600) * 2, signal.edges))
    got = found(likelihoods(window, reference, spread_ranks(rank_table(signal))))
    assert (got.at_ms, got.from_ms) == (0, None)
    assert got.to_ms < MINUTE


def test_nothing_to_tell_is_any_time() -> None:
    """Without a change, or of a constant: the whole window, never a division by zero."""
    constant = np.zeros(256)
    constant[3] = 900
    window = np.tile(constant / 9, (SLIDES, 1))
    assert found(likelihoods(window, constant, np.arange(256.0))) == (0, None, SLIDES * MINUTE)
    assert found(likelihoods_of_shares(window, constant, 4))[1:] == (None, SLIDES * MINUTE)


def test_the_interval_ends_where_likelihood_has_fallen_far_enough() -> None:
    """Both ends belong to places that are likely; slides need not follow each other."""
    values = np.zeros(3 * STEPS)
    values[STEPS + 4 : STEPS + 7] = [WITHIN, 9.0, 9.0 - WITHIN]
    starts_ms = np.array([0, 10, 20]) * MINUTE
    got = onset(values, starts_ms, starts_ms + MINUTE)
    step = MINUTE // STEPS
    assert got == (10 * MINUTE + 5 * step, 10 * MINUTE + 5 * step, 10 * MINUTE + 7 * step)
