"""Prediction scores: what of a prediction tells how likely it is to be right, as one number.

Of two classes the probability of the positive one; of more the position of the predicted class and, behind the point,
the confidence in it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from config.plan import PredictionPlan
from operators.metrics.outcomes import predicted_outcomes
from operators.reading.columns import Column

BELOW_ONE = 1 - 2.0**-20  # a confidence of 1 stays behind the point, also behind that of a number of three digits

Floats = npt.NDArray[np.float64]


def prediction_scores(prediction: Column, confidence: Floats, plan: PredictionPlan, *, texts: bool) -> Floats:
    """Scores of records; NaN where one has no prediction that is known, or no confidence.

    Examples
    --------
    >>> plan = PredictionPlan(task="multiclass", classes=("a", "b"))
    >>> prediction_scores(["b", "a", "c"], np.array([0.75, np.nan, 0.5]), plan, texts=False).tolist()
    [1.75, nan, nan]
    """
    return scores_of(predicted_outcomes(prediction, confidence, plan, texts=texts), confidence, plan)


def scores_of(outcomes: Floats, confidence: Floats, plan: PredictionPlan) -> Floats:
    """Scores of what `predicted_outcomes` made of the same records, shape (records, 2)."""
    if plan.task == "binary":
        return outcomes[:, 1].copy()
    with np.errstate(invalid="ignore"):
        sure = np.where((confidence >= 0) & (confidence <= 1), np.minimum(confidence, BELOW_ONE), np.nan)
    return np.asarray(outcomes[:, 0] + sure)
