"""How much of a slice is taken from the whole."""

import numpy as np
import pytest

from operators.encoding.codes import CODES
from operators.profiles.shrinkage import precisions

GROUPS = np.arange(CODES)[None]


def drawn(precision, values, slices=400, shares=(0.5, 0.3, 0.15, 0.05), seed=1):
    """Slices whose shares are Dirichlet's with a precision; None: all have those of the whole."""
    rng = np.random.default_rng(seed)
    found = np.zeros((slices, 1, CODES), np.int64)
    for counts in found:
        own = shares if precision is None else rng.dirichlet(precision * np.array(shares))
        counts[0, : len(shares)] = rng.multinomial(values, own)
    return found


@pytest.mark.parametrize("precision", [1.0, 10.0, 100.0])
@pytest.mark.parametrize("values", [10, 200])
def test_the_precision_is_found(precision, values):
    """Of Dirichlet's slices, thin or not."""
    slices = drawn(precision, values)
    assert precisions(slices, slices.sum(axis=0).astype(float), GROUPS)[0] == pytest.approx(precision, rel=0.25)


def test_without_season_the_whole_speaks():
    """Slices that differ by chance alone are taken together with far more values of the whole than they have."""
    slices = drawn(None, 200)
    assert precisions(slices, slices.sum(axis=0).astype(float), GROUPS)[0] > 20 * 200


def test_nothing_to_differ():
    """A constant, a signal without values, and a single slice with all that there is."""
    slices = np.zeros((2, 3, CODES), np.int64)
    slices[:, 0, 0] = 50
    slices[0, 2, :2] = 30
    whole = slices.sum(axis=0).astype(float)
    groups = np.repeat(GROUPS, 3, axis=0)
    assert precisions(slices, whole, groups).tolist() == [100.0, 0.0, 60.0]
    assert precisions([], whole, groups).tolist() == [100.0, 0.0, 60.0]


def test_slices_that_have_nothing_in_common():
    """Each speaks for itself."""
    slices = np.zeros((2, 1, CODES), np.int64)
    slices[0, 0, 0] = slices[1, 0, 1] = 1_000
    assert precisions(slices, slices.sum(axis=0).astype(float), GROUPS)[0] == pytest.approx(0, abs=0.01)
