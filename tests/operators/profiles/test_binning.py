import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.profiles.binning import numeric_signal, quantile_edges, value_edges
from operators.profiles.value_counts import ValueCounts
from schemas.profile import NumericSignal

FINITE = st.floats(allow_nan=False, allow_infinity=False)
ANY = st.lists(st.one_of(FINITE, st.integers(-3, 3).map(float)), max_size=80)


def signal(values, **options):
    counts = ValueCounts(4096)
    counts.add(np.array(values, np.float64))
    return numeric_signal(counts, 0, 0, **options)


def test_discrete_signal():
    """Few values have a bin each, with empty ones below, between and above."""
    up = math.nextafter
    assert signal([1.0, 2.0, 2.0, 4.0, 4.0, 4.0]) == NumericSignal(
        **{"count": 6, "missing": 0, "invalid": 0, "mean": 17 / 6, "min": 1.0, "max": 4.0, "discrete": True},
        sd=statistics.pstdev([1, 2, 2, 4, 4, 4]),
        edges=(1.0, up(1, 9), 2.0, up(2, 9), 4.0, up(4, 9)),
        counts=(0, 1, 0, 2, 0, 3, 0),
        means=(1.0, 1.0, up(1, 9) / 2 + 1.0, 2.0, up(2, 9) / 2 + 2.0, 4.0, up(4, 9)),
    )


def test_continuous_signal():
    """Many values: 250 bins of equal counts, edges among the values."""
    made = signal(np.arange(1000.0))
    assert not made.discrete
    assert made.edges == tuple(range(4, 1000, 4))
    assert made.counts == (4,) * 250
    assert made.means == tuple(x + 1.5 for x in range(0, 1000, 4))
    assert (made.min, made.max, made.mean) == (0.0, 999.0, 499.5)
    assert made.sd == pytest.approx(math.sqrt((1000**2 - 1) / 12), rel=1e-14)


@pytest.mark.parametrize("value", [0.0, -1.0, 0.003467, 1e300, -1e-300, 1.7976931348623157e308])
def test_constant(value):
    """A constant is discrete, has no deviation, and anything else falls into another bin."""
    made = signal([value] * 1000)
    assert (made.discrete, made.mean, made.sd, made.min, made.max) == (True, value, 0.0, value, value)
    code = np.searchsorted(made.edges, [math.nextafter(value, -math.inf), value], side="right").tolist()
    assert code == [0, 1]
    if value < 1.7e308:  # nothing is above the largest float
        assert np.searchsorted(made.edges, math.nextafter(value, math.inf), side="right") == 2
    assert made.counts[1] == 1000


def test_a_handful_of_records_is_not_discrete():
    """Values that hardly come back are a continuous signal, however few they are."""
    assert not signal([0.1, 0.2, 0.3]).discrete
    assert signal([0.1, 0.2, 0.3]).edges == (0.2, 0.3)
    assert signal([0.1] * 3 + [0.2] * 3).discrete
    assert not signal(list(range(51)) * 9).discrete
    assert signal(list(range(50)) * 9).discrete


def test_no_values():
    """A signal without values has one empty bin and no extremes."""
    assert signal([]) == NumericSignal(
        **{"count": 0, "missing": 0, "invalid": 0, "mean": 0.0, "sd": 0.0, "min": None, "max": None},
        **{"discrete": False, "edges": (), "counts": (0,), "means": (0.0,)},
    )


def test_a_value_that_is_most_of_the_data_has_a_bin():
    """Zeros among continuous values are counted by themselves."""
    made = signal([0.0] * 600 + np.linspace(1, 2, 400).tolist())
    assert made.counts[:2] == (600, 4)
    assert made.edges[0] == 1.0


@given(ANY)
def test_bins_count_what_numpy_counts(values):
    """Counts are those of the rule `searchsorted(edges, x, side="right")`, and means lie in their bins."""
    made = signal(values)
    codes = np.searchsorted(made.edges, values, side="right")
    assert made.counts == tuple(np.bincount(codes, minlength=len(made.edges) + 1).tolist())
    assert sum(made.counts) == made.count == len(values)
    assert list(made.edges) == sorted(set(made.edges))
    assert len(made.edges) < 250
    filled = [mean for mean, count in zip(made.means, made.counts, strict=True) if count]
    assert np.searchsorted(made.edges, filled, side="right").tolist() == np.flatnonzero(made.counts).tolist()
    assert all(map(math.isfinite, [made.mean, made.sd, *made.edges, *made.means]))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_moments_are_those_of_the_statistics_module(values):
    """Mean and deviation of the population; the tolerance is that of two roundings an addend."""
    made = signal(values)
    spread = max(values) - min(values)
    assert made.mean == pytest.approx(statistics.fmean(values), rel=1e-14, abs=1e-14 * max(map(abs, values)))
    assert made.sd == pytest.approx(statistics.pstdev(values), rel=1e-9, abs=1e-9 * spread + 1e-14)
    assert min(values) <= made.mean <= max(values)


@given(st.lists(st.integers(-100, 100).map(float), max_size=200), st.integers(1, 30))
def test_a_sensitive_signal_shows_no_few(values, private):
    """No bin of a sensitive signal has fewer values than may be disclosed, and no extremes are shown."""
    made = signal(values, private=private)
    assert (made.min, made.max) == (None, None)
    assert all(count >= private for count in made.counts if count) or len(made.edges) == 0
    assert made.discrete or all(made.counts) or not values


def test_bins_of_another_profile():
    """With the bins of another signal, values are counted on those."""
    like = signal([0.0, 1.0, 1.0, 0.0])
    made = signal([0.0, 0.5, 0.7, 7.0], like=like)
    assert (made.discrete, made.edges, made.counts) == (True, like.edges, (0, 1, 2, 0, 1))
    assert made.means == (0.0, 0.0, 0.6, 1.0, 7.0)


def test_the_smallest_deviation():
    """Values that differ in the last bit of the smallest floats have a finite deviation."""
    assert signal([0.0, 5e-324, 0.0, 5e-324]).sd == 0.0


def test_merged_values():
    """Beyond the limit of distinct values edges are borders of cells: counts stay exact, moments nearly so."""
    values = np.random.default_rng(3).lognormal(0, 1, 50_000)
    made = signal(values)
    assert not made.discrete
    np.testing.assert_array_equal(
        made.counts, np.bincount(np.searchsorted(made.edges, values, side="right"), minlength=len(made.edges) + 1)
    )
    assert len(made.counts) == 250
    assert made.mean == pytest.approx(values.mean(), rel=1e-4)  # cells of a thousandth of a value, errors cancel
    assert made.sd == pytest.approx(values.std(), rel=1e-4)
    assert (made.min, made.max) == (values.min(), values.max())


def test_edges():
    """Edges come between values; of two equally near ones the lower is taken, of none there are none."""
    assert quantile_edges(np.array([1.0]), np.array([9])).tolist() == []
    assert quantile_edges(np.array([1.0, 2.0]), np.array([9, 1])).tolist() == [2.0]
    assert value_edges(np.array([np.finfo(float).max])).tolist() == [np.finfo(float).max]
