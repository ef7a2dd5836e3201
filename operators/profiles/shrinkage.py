"""Shrinkage: how much of a thin slice of the reference is taken from the whole.

Shares of slices are thought to vary around those of the whole as Dirichlet's with the precision k: then what is to be
expected of a slice with m values is (its counts + k shares of the whole) / (m + k), known as from m + k values. k is
found from all slices by the method of moments: where they differ no more than chance makes them, it is large, and a
signal without season is compared with the whole; where they differ much, it is small, and each speaks for itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from operators.encoding.codes import CODES

Floats = npt.NDArray[np.float64]


def precisions(
    slices: Iterable[npt.NDArray[Any]], whole: Floats, groups: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """The precision k of each signal, at most the number of values of the whole.

    Counts then vary (m + k) / (1 + k) times as much as multinomial ones (Mosimann 1962, doi:10.1093/biomet/49.1-2.65),
    and so does Pearson's X^2 of a slice with m of M values against the whole: its mean is
    (C - 1) (1 - m/M) (1 + (m - 1) / (k + 1)) for C cells.

    Parameters
    ----------
    slices : of integers, shape (signals, 256)
        Counts by code, 0 for codes that are no values.
    whole : float64, shape (signals, 256)
    groups : int64, shape (signals, 256)
        Cell of each code, -1 for what is no value.

    Examples
    --------
    >>> whole, groups = np.array([[600.0, 400.0] + [0.0] * 254]), np.arange(256)[None]
    >>> alike = [np.array([[300, 200] + [0] * 254])] * 2
    >>> apart = [np.array([[400, 100] + [0] * 254]), np.array([[200, 300] + [0] * 254])]
    >>> precisions(alike, whole, groups).tolist(), precisions(apart, whole, groups).round(1).tolist()
    ([1000.0], [2.0])
    """
    rows = len(whole)
    places = ((CODES + 1) * np.arange(rows)[:, None] + groups + 1).ravel()

    def cells(counts: npt.NDArray[Any]) -> Floats:
        size = rows * (CODES + 1)
        found = np.bincount(places, counts.ravel(), minlength=size).astype(np.float64)
        return found.reshape(rows, CODES + 1)[:, 1:]

    totals = whole.sum(axis=1)
    shares = cells(whole) / np.maximum(totals, 1)[:, None]
    there = shares > 0
    freedom = there.sum(axis=1) - 1.0
    squares, left, more = np.zeros((3, rows))
    for counts in slices:
        observed = cells(counts)
        values = observed.sum(axis=1)
        wanted = values[:, None] * shares
        apart = np.where(wanted > 0, (observed - wanted) ** 2 / np.where(wanted > 0, wanted, 1.0), 0.0)
        squares += apart.sum(axis=1)
        rest = np.where(values > 0, 1 - values / np.maximum(totals, 1), 0.0)
        left += rest
        more += rest * np.maximum(values - 1, 0)
    able = (freedom > 0) & (more > 0)
    excess = (squares / np.maximum(freedom, 1) - left) / np.where(able, more, 1.0)
    alike = ~able | (excess <= 0)
    found = np.maximum(1 - excess, 0) / np.where(alike, 1.0, excess)
    return np.asarray(np.where(alike, totals, np.minimum(found, totals)), np.float64)
