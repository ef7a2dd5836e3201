"""Labels that records carry themselves: which of them can be used, and what is wrong with the others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from config.plan import PredictionPlan
from operators.labels.incoming import what_is_wrong
from operators.metrics.outcomes import label_outcome
from operators.reading.columns import Column, distinct, listed, numbers

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class OwnLabels(NamedTuple):
    """Labels of some records."""

    positions: Ints  # of the records whose labels can be used
    outcomes: Floats  # of these, see outcomes.py
    wrong: list[tuple[int, str]]  # positions of the others that have one, and why it cannot


def own_labels(column: Column | None, plan: PredictionPlan | None, place: str, *, texts: bool) -> OwnLabels | None:
    """Labels of records; None where none has one.

    Parameters
    ----------
    column
        What stands at the place of the label; None where nothing can.
    plan
        What is predicted.
    place
        Of the label, for messages.
    texts
        Whether a number may be written as a text.

    Examples
    --------
    >>> plan = PredictionPlan(task="binary", positive="yes", classes=("no", "yes"))
    >>> found = own_labels(["yes", None, "perhaps"], plan, "/label", texts=False)
    >>> found.positions, found.outcomes, found.wrong
    (array([0]), array([1.]), [(2, "'label': not one of the model's classes at /label")])
    """
    if column is None or _empty(column):
        return None
    if plan is not None and plan.task == "regression":
        outcomes = numbers(column, texts=texts)
        there = ~np.isnan(outcomes)
        usable = np.isfinite(outcomes)
    else:
        values, which = distinct(column)
        there = np.array([value is not None for value in values], np.bool_)[which]
        fine = [value is not None and what_is_wrong(value, plan, place, texts=texts) is None for value in values]
        usable = np.array(fine, np.bool_)[which]
        found = (
            label_outcome(value, plan, texts=texts) if one and plan is not None else np.nan
            for one, value in zip(fine, values, strict=True)
        )
        outcomes = np.fromiter(found, np.float64, len(values))[which]
    refused = np.flatnonzero(there & ~usable)
    written = listed(column) if len(refused) else []
    wrong = [(row, str(what_is_wrong(written[row], plan, place, texts=texts))) for row in refused.tolist()]
    positions = np.flatnonzero(usable)
    return OwnLabels(positions, outcomes[positions], wrong)


def _empty(column: Column) -> bool:
    if isinstance(column, pa.Array):
        return bool(column.null_count == len(column))
    return all(value is None for value in column)
