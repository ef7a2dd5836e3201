"""Tails of sums that are not quite normal: Pearson's type III, a gamma distribution moved to the mean 0 and variance 1.

Pearson (1895), doi:10.1098/rsta.1895.0010. It has the skewness that is asked for; with 0 it is the normal one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammainc, gammaincc, gammainccinv, gammaincinv, ndtr, ndtri

STRAIGHT = 1e-3  # skewness below which it counts as normal: the tail at 6 standard deviations differs by 4 %

Floats = npt.NDArray[np.float64]


def tail(z: Floats, skewness: Floats) -> Floats:
    """Probability of more than z standard deviations above the mean.

    Examples
    --------
    >>> tail(np.array([3.0, 3.0, 3.0]), np.array([-0.5, 0.0, 0.5])).round(5).tolist()
    [0.0, 0.00135, 0.00543]
    """
    shape = _shape(skewness)
    at = np.maximum(shape + np.sign(skewness) * z * np.sqrt(shape), 0.0)
    found = np.where(skewness > 0, gammaincc(shape, at), gammainc(shape, at))
    return np.asarray(np.where(np.abs(skewness) < STRAIGHT, ndtr(-z), found), np.float64)


def bound(probability: Floats, skewness: Floats) -> Floats:
    """How many standard deviations above the mean have that tail.

    Examples
    --------
    >>> bound(np.array([0.00135, 0.00543]), np.array([0.0, 0.5])).round(2).tolist()
    [3.0, 3.0]
    """
    shape = _shape(skewness)
    at = np.where(skewness > 0, gammainccinv(shape, probability), gammaincinv(shape, probability))
    found = np.sign(skewness) * (at - shape) / np.sqrt(shape)
    return np.asarray(np.where(np.abs(skewness) < STRAIGHT, -ndtri(probability), found), np.float64)


def _shape(skewness: Floats) -> Floats:
    """Of the gamma distribution."""
    return np.asarray(4 / np.maximum(np.abs(skewness), STRAIGHT) ** 2, np.float64)
