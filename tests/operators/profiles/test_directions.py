import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.profiles import directions
from operators.profiles.directions import VectorSample, Yardstick, hash_vectors, principal_directions
from operators.reading.vectors import Vectors
from schemas.profile import VectorReference


def normal(count, dim=12, seed=1):
    """Vectors that vary in some directions more than in others, around a point that is not 0."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(dim, dim)))[0]
    return rng.normal(size=(count, dim)) * 0.8 ** np.arange(dim) @ turn + 3.0


def column(values):
    return Vectors(values.tolist(), values.shape[1])


def fitted(values, most=directions.SAMPLE, fewest=2):
    sample = VectorSample(values.shape[1], most)
    sample.add(column(values))
    return sample.fit(fewest)


@pytest.mark.parametrize("shape", [(200, 12), (9, 40), (12, 12), (2, 5)])
@pytest.mark.parametrize("scale", [1.0, 1e-150, 1e150])
def test_principal_directions_against_numpy(shape, scale):
    """They are the right singular vectors, with more vectors than numbers and with fewer, of any size."""
    values = normal(*shape)
    centered = (values - values.mean(axis=0)) * scale
    found, deviations = principal_directions(centered, most=6)
    _, singular, expected = np.linalg.svd(centered / scale, full_matrices=False)
    kept = singular[:6] > 1e-6 * singular[0]
    np.testing.assert_allclose(deviations / scale, singular[:6][kept] / np.sqrt(shape[0]), rtol=1e-9)
    np.testing.assert_allclose(np.abs((found * expected[:6][kept]).sum(axis=1)), 1.0, rtol=1e-9)
    assert (found[np.arange(len(found)), np.abs(found).argmax(axis=1)] > 0).all()


def test_equal_vectors_are_in_the_sample_and_not():
    """Where a few vectors come again and again, about half of the records of each count: the time tells them apart."""
    values, times_ms = np.repeat(normal(4), 1_000, axis=0), np.arange(4_000)
    sample = VectorSample(12)
    sample.add(column(values), times_ms)
    reference, below = sample.fit()
    used = (hash_vectors(column(values), times_ms) < below).reshape(4, -1).sum(axis=1)
    assert reference.vectors == used.sum()
    assert ((used > 400) & (used < 600)).all()


def test_nothing_varies():
    """There are no directions, and the distance is the plain one."""
    assert (fitted(np.ones((50, 3)))[0].deviations, fitted(np.ones((50, 3)))[1]) == ((), 0)
    by = VectorReference(center=np.ones(3, "<f8").tobytes(), directions=b"", deviations=(), vectors=9)
    assert Yardstick(by).measure(column(np.array([[1.0, 1.0, 1.0], [1.0, 4.0, 5.0]])))[1].tolist() == [0.0, 5.0]


def test_measures_against_numpy():
    """The norm and the Mahalanobis distance within the directions."""
    values, later = normal(2_000), normal(100, seed=2)
    reference, below = fitted(values)
    used = values[hash_vectors(column(values)) < below]
    assert reference.vectors == len(used)
    center = np.frombuffer(reference.center, "<f8")
    np.testing.assert_allclose(center, used.mean(axis=0), rtol=1e-12)
    covariance = np.cov(used.T, bias=True)
    shifts = later - center
    expected = np.sqrt((shifts @ np.linalg.inv(covariance) * shifts).sum(axis=1) / 12)
    norms, distances = Yardstick(reference).measure(column(later))
    np.testing.assert_allclose(norms, np.linalg.norm(later, axis=1), rtol=1e-12)
    np.testing.assert_allclose(distances, expected, rtol=1e-5)  # directions have 32 bits


@settings(deadline=None)
@given(st.permutations(range(60)), st.integers(1, 60), st.sampled_from([2, 7, 100]))
def test_the_sample_does_not_depend_on_order_and_pieces(order, piece, most):
    """Equal sets of vectors have equal yardsticks, to the bit, also with equal vectors among them."""
    values = np.repeat(normal(30), 2, axis=0)
    whole = fitted(values, most)
    sample = VectorSample(12, most)
    for start in range(0, 60, piece):
        sample.add(column(values[list(order)][start : start + piece]))
    made = sample.fit()
    assert made == whole
    assert made[0].vectors <= most
    in_sample = (hash_vectors(column(values)) < made[1]).sum()
    assert in_sample == (made[0].vectors if made[0].deviations else 0)  # two equal ones have no direction


def test_later_vectors_are_as_far_as_those_not_in_the_sample():
    """In the sample itself distances are shorter: with as many numbers as vectors the directions fit them too well."""
    values = np.random.default_rng(1).normal(size=(2_000, 300))
    reference, below = fitted(values)
    by, of_sample = Yardstick(reference), hash_vectors(column(values)) < below
    inside, outside = (by.measure(column(values[which]))[1].mean() for which in (of_sample, ~of_sample))
    later = by.measure(column(np.random.default_rng(2).normal(size=(1_000, 300))))[1].mean()
    assert abs(outside / later - 1) < 0.02
    assert inside / later > 1.2 or inside / later < 0.8


def test_measures_do_not_depend_on_the_batch():
    """A vector measures the same alone and among others, to the bit; rows with gaps stay gaps."""
    values = normal(40, 300)
    by = Yardstick(fitted(normal(100, 300, seed=3))[0])
    whole = by.measure(column(values))
    for row in range(40):
        alone = by.measure(column(values[row : row + 1]))
        assert [one.tolist() for one in alone] == [[both[row]] for both in whole]
    norms, distances = by.measure(Vectors([None, [1.0], values[0].tolist()], 300))
    for measured in (norms, distances):
        assert [np.isnan(measured[0]), measured[1]] == [True, np.inf]
    assert (norms[2], distances[2]) == (whole[0][0], whole[1][0])


def test_numbers_beyond_floats():
    """What would overflow is infinite, and so invalid; never NaN, which would be missing."""
    by = Yardstick(fitted(normal(100))[0])
    norms, distances = by.measure(column(np.array([[1e308, -1e308] * 6])))
    assert (norms.tolist(), distances.tolist()) == ([np.inf], [np.inf])


def test_large_numbers_have_a_center():
    """Their sum is no float, their mean is."""
    reference, _ = fitted(normal(100) * 1e307)
    assert np.isfinite(np.frombuffer(reference.center, "<f8")).all()


def test_too_few_vectors():
    """There is nothing of single records in a profile that must not tell of them."""
    reference, _ = fitted(normal(30), fewest=20)
    assert (reference.deviations, set(reference.center)) == ((), {0})


def test_kernels_are_compiled_once():
    """A second signature would compile again at run time, for seconds."""
    test_measures_do_not_depend_on_the_batch()
    test_nothing_varies()
    assert len(directions._measure.signatures) == 1
