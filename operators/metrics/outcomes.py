"""Outcomes: predictions and labels as the numbers that performance is computed of.

A class is its position in `classes_of`; a number is itself; NaN is none.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from config.plan import PredictionPlan
from operators.reading.columns import Column, distinct, names, numbers
from operators.reading.values import Gap, category, numeric

Floats = npt.NDArray[np.float64]


def classes_of(plan: PredictionPlan) -> tuple[str, ...] | None:
    """Classes in their order, of two the positive one last; None where any that is not the positive one is the other.

    >>> classes_of(PredictionPlan(task="binary", positive="yes", classes=("yes", "no")))
    ('no', 'yes')
    """
    if plan.task != "binary" or plan.classes is None:
        return plan.classes
    return tuple(sorted(plan.classes, key=lambda name: name == plan.positive))


def label_outcome(label: object, plan: PredictionPlan, *, texts: bool) -> float:
    """A label that can be used, as a number."""
    if plan.task == "regression":
        return float(numeric(label, texts=texts))
    if plan.task == "ranking":
        return relevance(label, plan, texts=texts)
    if plan.task == "multiclass" and plan.classes is None:
        return float("nan")
    classes, name = classes_of(plan), category(label)
    return float(name == plan.positive) if classes is None else float(classes.index(str(name)))


def relevance(label: object, plan: PredictionPlan, *, texts: bool) -> float:
    """How relevant an item turned out to be; NaN where the label is none.

    With a positive class 1 for that and 0 for any other one, else a number from 0 up, true or false.

    >>> shown = PredictionPlan(task="ranking")
    >>> [relevance(label, shown, texts=False) for label in (3, True, -1, "click")]
    [3.0, 1.0, nan, nan]
    """
    if plan.positive is not None:
        name = category(label)
        return float("nan") if isinstance(name, Gap) else float(name == plan.positive)
    if label in (True, False) or (texts and label in ("true", "false")):
        return float(label in (True, "true"))
    number = numeric(label, texts=texts)
    return float("nan") if isinstance(number, Gap) or number < 0 else number


def label_outcomes(labels: Column, plan: PredictionPlan, *, texts: bool) -> Floats:
    """Labels of reference data as numbers; NaN where there is none that can be used.

    Examples
    --------
    >>> plan = PredictionPlan(task="binary", positive="yes", classes=("yes", "no"))
    >>> label_outcomes(["yes", "no", "perhaps", None], plan, texts=False).tolist()
    [1.0, 0.0, nan, nan]
    """
    if plan.task == "regression":
        values = numbers(labels, texts=texts)
        return np.where(np.isfinite(values), values, np.nan)
    classes = classes_of(plan)
    shown, positions = distinct(labels)
    if plan.task == "ranking":
        return np.array([relevance(label, plan, texts=texts) for label in shown] or [np.nan])[positions]
    return np.array([_class(name, plan, classes) for name in names(shown)] or [np.nan])[positions]


def predicted_outcomes(prediction: Column, confidence: Floats, plan: PredictionPlan, *, texts: bool) -> Floats:
    """Predictions, and for two classes the probability of the positive one.

    A binary prediction is a class, with the model's confidence in it, or the probability itself, from which the class
    follows by `threshold`. The probability of a class is known by its confidence only where the threshold is 0.5.

    Returns
    -------
    float64, shape (records, 2)
        Outcome and probability; NaN where there is none.

    Examples
    --------
    >>> plan = PredictionPlan(task="binary", positive="yes")
    >>> predicted_outcomes(["yes", "no", None], np.array([0.75, 1.0, 0.5]), plan, texts=False).tolist()
    [[1.0, 0.75], [0.0, 0.0], [nan, nan]]
    >>> predicted_outcomes([0.75, 0.25], np.array([np.nan, np.nan]), plan, texts=False).tolist()
    [[1.0, 0.75], [0.0, 0.25]]
    """
    found = np.full((len(confidence), 2), np.nan)
    if plan.task in ("regression", "ranking"):
        values = numbers(prediction, texts=texts)
        found[:, 0] = np.where(np.isfinite(values), values, np.nan)
        return found
    classes = classes_of(plan)
    shown, positions = distinct(prediction)
    found[:, 0] = np.array([_class(name, plan, classes) for name in names(shown)] or [np.nan])[positions]
    if plan.task != "binary":
        return found
    sure = np.where((confidence >= 0) & (confidence <= 1) & (plan.threshold == 0.5), confidence, np.nan)
    found[:, 1] = np.where(found[:, 0] == 1, sure, 1 - sure)
    values = numbers(prediction, texts=texts)
    given = np.isnan(found[:, 0]) | (classes is None)
    given &= (values >= 0) & (values <= 1)
    given &= np.isnan(sure) | ((values != 0) & (values != 1))  # with a confidence 0 and 1 are classes
    found[given, 0], found[given, 1] = values[given] >= plan.threshold, values[given]
    found[np.isnan(found[:, 0]), 1] = np.nan
    return found


def _class(name: object, plan: PredictionPlan, classes: tuple[str, ...] | None) -> float:
    if not isinstance(name, str):
        return np.nan
    if classes is None:
        return float(name == plan.positive)
    return float(classes.index(name)) if name in classes else np.nan
