"""Measures of classes, from how often each class was predicted where each was true.

Of two classes precision, recall, specificity and F1 are those of the positive one; of more the plain means over the
classes for which they are defined (macro averages). Matthews' coefficient: Gorodkin (2004), Computational Biology and
Chemistry 28, doi:10.1016/j.compbiolchem.2004.09.006; kappa: Cohen (1960), doi:10.1177/001316446002000104.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def confusion_metrics(counts: npt.NDArray[np.int64], positive: int | None) -> dict[str, float]:
    """Compute all of `config.metrics.CLASSES`.

    Parameters
    ----------
    counts : int64, shape (classes, classes)
        Records by true class and by predicted class.
    positive
        Position of the positive class; None for macro averages.

    Returns
    -------
    dict
        By name; NaN where a measure is undefined, as precision is where the class was never predicted.

    Examples
    --------
    >>> found = confusion_metrics(np.array([[50, 10], [5, 35]]), positive=1)
    >>> found["accuracy"], found["recall"], round(found["precision"], 4)
    (0.85, 0.875, 0.7778)
    """
    c = counts.astype(np.float64)
    total, right = c.sum(), np.diag(c)
    true, predicted = c.sum(axis=1), c.sum(axis=0)
    others = total - true
    recall = _divided(right, true)
    by_class = {
        "precision": _divided(right, predicted),
        "recall": recall,
        "specificity": _divided(others - (predicted - right), others),
        "f1": _divided(2 * right, true + predicted),
    }
    chance = float((true * predicted).sum())
    spread = (total**2 - float((true**2).sum())) * (total**2 - float((predicted**2).sum()))
    covariance = float(right.sum()) * total - chance
    there = (true + predicted) > 0
    averaged = {
        name: _mean(values[there]) if positive is None else float(values[positive]) for name, values in by_class.items()
    }
    return {
        "accuracy": _ratio(float(right.sum()), total),
        "balanced_accuracy": _mean(recall),
        **averaged,
        "mcc": _ratio(covariance, float(np.sqrt(spread))),
        "kappa": _ratio(covariance, total**2 - chance),
    }


def weighted_mean(counts: npt.NDArray[np.int64], name: str) -> float:
    """Mean of a measure of each class, by how often the class is true, over those for which it is defined.

    >>> round(weighted_mean(np.array([[50, 10], [5, 35]]), "recall"), 4)
    0.85
    """
    each = np.array([confusion_metrics(counts, of)[name] for of in range(len(counts))])
    true = counts.sum(axis=1).astype(np.float64)
    defined = ~np.isnan(each) & (true > 0)
    return _ratio(float((true * np.where(defined, each, 0.0)).sum()), float(true[defined].sum()))


def _divided(numbers: Floats, by: Floats) -> Floats:
    return np.divide(numbers, by, out=np.full(len(by), np.nan), where=by > 0)


def _ratio(number: float, by: float) -> float:
    return float(number / by) if by > 0 else float("nan")


def _mean(values: Floats) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")
