"""Proxies: how undecided a model is, from the probabilities of its classes: what teams watch until labels come.

`margin` is the most likely class's probability less the second one's, in [0, 1]: small where two classes compete.
`entropy` is that of all of them over that of equal ones, in [0, 1]: 1 where the model knows nothing.

Probabilities are those of all classes. They are invalid, and then margin and entropy are, where one is no number or
outside of [0, 1], or they do not add up to 1 within `OFF`. Of two classes that of one tells the other's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from config.plan import PredictionPlan
from operators.metrics.outcomes import predicted_outcomes
from operators.reading.columns import Column, listed
from operators.reading.values import Gap, numeric

PROXIES = ("margin", "entropy")
OFF = 0.02  # what rounding to two digits takes from a sum of four; those of more classes have to be written longer

Floats = npt.NDArray[np.float64]


def proxies(
    probabilities: Column | None, prediction: Column, confidence: Floats, plan: PredictionPlan | None, *, texts: bool
) -> Floats:
    """Margin and entropy of records.

    Parameters
    ----------
    probabilities
        Of each record those of its classes, by name or listed; None where no record has any.
    prediction, confidence, plan, texts
        As for `predicted_outcomes`: what tells the probabilities of two classes where these are not given.

    Returns
    -------
    float64, shape (records, 2)
        NaN where there are no probabilities, infinite where they are invalid.

    Examples
    --------
    >>> given = [{"yes": 0.75, "no": 0.25}, {"yes": 0.5, "no": 0.5}, {"yes": 0.75, "no": 0.5}, None]
    >>> proxies(given, [None] * 4, np.full(4, np.nan), None, texts=False).round(3).tolist()
    [[0.5, 0.811], [0.0, 1.0], [inf, inf], [nan, nan]]
    """
    found = np.full((len(confidence), 2), np.nan)
    given = [] if probabilities is None else [_numbers(one) for one in listed(probabilities)]
    by_length: dict[int, list[int]] = {}
    for row, numbers in enumerate(given):
        if numbers is not None:
            by_length.setdefault(len(numbers), []).append(row)
    for length, rows in by_length.items():
        found[rows] = _of(np.array([given[row] for row in rows], np.float64)) if length else np.inf
    if plan is not None and plan.task == "binary":
        missing = np.isnan(found[:, 0])
        if missing.any():
            yes = predicted_outcomes(prediction, confidence, plan, texts=texts)[:, 1]
            rows_ = np.flatnonzero(missing & ~np.isnan(yes))
            found[rows_] = _of(np.column_stack([yes[rows_], 1 - yes[rows_]]))
    return found


def _numbers(value: object) -> Sequence[float] | None:
    """Probabilities as numbers, NaN for what is none; None where there are none."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, (list, tuple)):
        return ()
    if all(type(one) is float for one in value):
        return value
    read = map(numeric, value)
    return [math.nan if isinstance(one, Gap) else one for one in read]


def _of(given: Floats) -> Floats:
    """Of records with as many probabilities each, shape (records, classes)."""
    with np.errstate(invalid="ignore"):
        valid = ((given >= 0) & (given <= 1)).all(axis=1) & (np.abs(given.sum(axis=1) - 1) <= OFF)
    known = np.where(valid[:, None], given, 1.0)
    ordered = np.sort(known, axis=1)
    second = ordered[:, -2] if given.shape[1] > 1 else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(known > 0, -known * np.log(known), 0.0)
    entropy = np.array([math.fsum(row) for row in np.sort(terms, axis=1).tolist()])
    entropy = np.minimum(entropy / math.log(max(given.shape[1], 2)), 1.0)
    both = np.column_stack([ordered[:, -1] - second, entropy])
    return np.where(valid[:, None], both, np.inf)
