from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.encoding.codes import ABSENT, INVALID, MISSING
from operators.sketches import moments
from operators.sketches.moments import HIGH, LARGEST, LEAST, LIMIT, LOW, TOTAL, Moments, _sum
from schemas.profile import NumericSignal
from tests.operators.signals import unhurried

VALUES = st.lists(
    st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.floats(-10, 10), st.sampled_from([0.0, -0.0])),
    min_size=1,
    max_size=40,
)


def signal(mean: float = 0.0, sd: float = 1.0) -> NumericSignal:
    return NumericSignal(
        count=2,
        missing=0,
        invalid=0,
        mean=mean,
        sd=sd,
        min=None,
        max=None,
        discrete=False,
        edges=(),
        counts=(2,),
        means=(0.0,),
    )


def sums(of: Moments, values: list[float]) -> np.ndarray:
    column = np.array(values)[:, None]
    return of.sums(column, np.zeros(column.shape, np.uint8), np.array([len(values)]))[0]


@unhurried
@given(VALUES, st.data())
def test_order_and_grouping_do_not_show(values, data):
    """Sums are equal to the bit, however the values are ordered, and cut into groups that are added in any order."""
    of = Moments([signal(0.5, 3.0)])
    shuffled = data.draw(st.permutations(values))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(values)))) | {len(values)})
    groups = of.sums(np.array(shuffled)[:, None], np.zeros((len(values), 1), np.uint8), np.array(cuts))
    total = moments.empty(1)
    for number in data.draw(st.permutations(range(len(cuts)))):
        moments.add(total, groups[number])
    assert total.tobytes() == sums(of, values).tobytes()
    assert moments.added(groups).tobytes() == total.tobytes()


@unhurried
@given(st.lists(st.floats(-50, 50), min_size=1, max_size=60), st.floats(-5, 5), st.sampled_from([1e-12, 1.0, 1e12]))
def test_mean_and_deviation(values, mean, scale):
    """Mean and standard deviation are those of numpy within a unit, a 65,536th of the reference's deviation."""
    of = Moments([signal(mean * scale, scale)])
    array = np.array(values) * scale
    found, counts = sums(of, array.tolist()), np.array([len(values)])
    assert of.mean(found, counts)[0] == pytest.approx(array.mean(), abs=scale / 2**16, rel=1e-12)
    assert of.sd(found, counts)[0] == pytest.approx(array.std(), abs=scale / 2**16, rel=1e-12)


def test_a_value_that_stands_still_off_the_mean():
    """A constant has no deviation, wherever it is: the difference of large squares is exact."""
    of = Moments([signal(0.0, 1.0)])
    for value in (1.02, -77.7, 999.999):
        assert of.sd(sums(of, [value] * 1000), np.array([1000])).tolist() == [0.0]


def test_values_beyond_the_limit():
    """A value too far away counts as one at the limit, and its own size as extreme; nothing overflows."""
    of = Moments([signal()])
    found = sums(of, [1e300, -1.5e300])
    assert found[0, TOTAL] == 0
    assert (int(found[0, HIGH]) << moments.HALF) + int(found[0, LOW]) == 2 * int(LIMIT) ** 2
    assert found.view(np.float64)[0, [LEAST, LARGEST]].tolist() == [-1.5e300, 1e300]


def test_a_change_of_units_in_a_huge_window():
    """2^33 values a thousandfold too large, as when metres become millimetres, still have their mean."""
    of = Moments([signal(1.0, 0.5)])
    found = sums(of, [1000.0])
    for _ in range(33):
        moments.add(found, found.copy())
    counts = np.array([2**33])
    assert of.mean(found, counts).tolist() == [1000.0]
    assert of.sd(found, counts).tolist() == [0.0]


def test_a_center_as_far_away_as_floats_go():
    """Where the difference to the reference's mean is no float, the value counts as one at the limit."""
    of = Moments([signal(1e308, 1.0)])
    assert sums(of, [-1e308])[0, TOTAL] == -LIMIT


@pytest.mark.parametrize("code", [ABSENT, INVALID, MISSING])
@pytest.mark.parametrize("value", [math.nan, math.inf, 5.0])
def test_what_has_no_bin_is_left_out(code, value):
    """Missing and invalid values, and those of sources that do not carry the signal, are in no sum."""
    of = Moments([signal()])
    with_gap = of.sums(np.array([[1.0], [value]]), np.array([[0], [code]], np.uint8), np.array([2]))[0]
    assert with_gap.tobytes() == sums(of, [1.0]).tobytes()


def test_no_values():
    """Sums of nothing add nothing, and have no mean."""
    of = Moments([signal()])
    none = of.sums(np.empty((0, 1)), np.empty((0, 1), np.uint8), np.array([0]))[0]
    assert none.tobytes() == moments.empty(1).tobytes()
    assert np.isnan(of.mean(none, np.array([0]))).all()
    assert np.isnan(of.sd(none, np.array([0]))).all()


@pytest.mark.parametrize(("mean", "sd"), [(0.0, 0.0), (5.0, 0.0), (0.0, 5e-324), (0.0, 1.7e308), (-1e308, 1e308)])
def test_units_of_any_reference(mean, sd):
    """A constant reference and the ends of the floats have a unit as well."""
    of = Moments([signal(mean, sd)])
    assert np.isfinite(of.units).all()
    assert (of.units > 0).all()
    assert of.mean(sums(of, [mean]), np.array([1])).tolist() == [mean]


def test_the_compiled_loop_is_the_written_one():
    """The kernel gives what its Python text gives."""
    generator = np.random.default_rng(7)
    values, codes = generator.normal(size=(50, 3)), generator.choice([0, 1, 255], (50, 3)).astype(np.uint8)
    of = Moments([signal(), signal(1.0, 2.0), signal(-3.0, 1e-3)])
    ends = np.array([20, 20, 50])
    written = np.zeros((3, 3, moments.FIELDS), np.int64)
    _sum.py_func(values, codes, ends, of.centers, of.units, written, written.view(np.float64))
    assert of.sums(values, codes, ends).tobytes() == written.tobytes()


def test_one_kernel():
    """One compiled version serves all callers."""
    sums(Moments([signal()]), [1.0])
    Moments([]).sums(np.empty((2, 0)), np.empty((2, 0), np.uint8), np.array([2]))
    assert len(_sum.signatures) == 1


@pytest.mark.filterwarnings("error")
def test_numbers_at_the_end_of_floats():
    """Their mean and deviation are finite numbers, whatever their sums."""
    most = np.finfo(np.float64).max
    signal = NumericSignal(
        count=2, missing=0, invalid=0, mean=-most / 2, sd=most, min=-most, max=most, discrete=False,
        edges=(0.0,), counts=(1, 1), means=(-most, most),
    )  # fmt: skip
    moments = Moments([signal])
    values = np.array([[most], [-most], [most]])
    sums = moments.sums(values, np.zeros((3, 1), np.uint8), np.array([3]))[0]
    assert np.isfinite(moments.mean(sums, np.array([3]))).all()
    assert np.isfinite(moments.sd(sums, np.array([3]))).all()
