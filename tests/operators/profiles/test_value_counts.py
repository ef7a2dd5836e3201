import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.profiles.value_counts import ValueCounts

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def counted(values, limit=4096, pieces=1):
    counts = ValueCounts(limit)
    for piece in np.array_split(np.array(values, np.float64), pieces):
        counts.add(piece)
    return counts


@given(st.lists(FINITE), st.integers(1, 4))
def test_counts_are_those_of_numpy(values, pieces):
    """Below the limit distinct values are counted exactly; 0.0 and -0.0 are one value."""
    counts = counted(values, pieces=pieces)
    lowest, numbers = counts.cells()
    expected, expected_numbers = np.unique(np.array(values, np.float64) + 0.0, return_counts=True)
    np.testing.assert_array_equal(lowest, expected)
    np.testing.assert_array_equal(counts.middles(), expected)
    np.testing.assert_array_equal(numbers, expected_numbers)
    assert not counts.merged
    assert counts.extremes == (min(values, default=np.inf), max(values, default=-np.inf))


@pytest.mark.parametrize("zeros", [[0.0, -0.0], [-0.0, 0.0], [-0.0]])
def test_the_sign_of_a_zero_does_not_show(zeros):
    """Else a profile's id would depend on which of them came first."""
    assert [str(extreme) for extreme in counted(zeros, pieces=len(zeros)).extremes] == ["0.0", "0.0"]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.sampled_from([1e-300, 1.0, 1e300]))
def test_beyond_the_limit_neither_order_nor_pieces_matter(seed, pieces, scale):
    """Merged cells depend on the set of values alone, and their borders cut it exactly."""
    generator = np.random.default_rng(seed)
    values = generator.lognormal(0, 1, 20_000) * scale * generator.choice([-1, 1], 20_000)
    one, other = counted(values), counted(generator.permutation(values), pieces=pieces)
    lowest, numbers = one.cells()
    np.testing.assert_array_equal(lowest, other.cells()[0])
    np.testing.assert_array_equal(numbers, other.cells()[1])
    np.testing.assert_array_equal(one.middles(), other.middles())
    assert one.merged
    assert 2_048 < len(lowest) <= 4_096
    ordered = np.sort(values)
    np.testing.assert_array_equal(np.cumsum(numbers)[:-1], np.searchsorted(ordered, lowest[1:]))
    np.testing.assert_array_equal(np.searchsorted(lowest, one.middles(), side="right") - 1, np.arange(len(lowest)))


def test_the_widest_data_there_is():
    """Values of all magnitudes and signs fit the smallest table."""
    bits = np.random.default_rng(1).integers(0, 2**64, 200_000, np.uint64, endpoint=False)
    values = bits.view(np.float64)[np.isfinite(bits.view(np.float64))]
    counts = counted(np.concatenate([values, [np.finfo(float).max, np.finfo(float).min]]), pieces=7)
    lowest, numbers = counts.cells()
    assert len(lowest) <= 4_096
    assert numbers.sum() == len(values) + 2
    assert np.isfinite(lowest).all()
    assert np.isfinite(counts.middles()).all()
    assert (np.diff(lowest) > 0).all()


def test_constant_beside_much_else():
    """A value that is most of the data keeps its share in a cell of its own."""
    values = np.concatenate([np.full(50_000, 5.0), np.random.default_rng(1).normal(0, 1, 20_000)])
    counts = counted(values)
    lowest, numbers = counts.cells()
    assert numbers[np.searchsorted(lowest, 5.0)] == 50_000


@pytest.mark.parametrize("pieces", [1, 3])
def test_no_values(pieces):
    """Nothing counted is no cells."""
    lowest, numbers = counted([], pieces=pieces).cells()
    assert lowest.tolist() == numbers.tolist() == []
