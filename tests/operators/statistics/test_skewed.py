"""Pearson's type III against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, pearson3

from operators.statistics.skewed import bound, tail


@pytest.mark.parametrize("skewness", [-2.5, -0.4, -0.01, 0.0, 0.01, 0.4, 2.5])
def test_tails_are_those_of_scipy(skewness):
    """And bounds are where they are, as far as there is any tail."""
    z = np.linspace(0.0, 6.0, 13)
    found = tail(z, np.full(13, skewness))
    assert found == pytest.approx(pearson3.sf(z, skewness), rel=1e-6, abs=1e-300)
    some = found > 1e-200
    assert bound(found[some], np.full(some.sum(), skewness)) == pytest.approx(z[some], rel=1e-6, abs=1e-9)


def test_almost_straight_is_normal():
    """Where both meet there is no step that anybody would see."""
    z = np.array([1.0, 4.0, 6.0])
    assert tail(z, np.full(3, 1.0001e-3)) == pytest.approx(norm.sf(z), rel=0.05)
