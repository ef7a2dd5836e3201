"""Measures of performance that there are, by the task of the model that they are for."""

from __future__ import annotations

CLASSES = ("accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "mcc", "kappa")
BY_CLASS = ("precision", "recall", "specificity", "f1")  # there is one of each class, and averages of them
SCORES = ("roc_auc", "average_precision", "log_loss", "brier", "calibration_error")
TOP, VALUE = "precision_at_k", "value"  # these need more than a name
ERRORS = ("mae", "mse", "rmse", "mape", "bias", "r2")
PLAIN = {"binary": (*CLASSES, *SCORES), "multiclass": CLASSES, "regression": ERRORS, "ranking": ()}
OF_TASK = {
    "binary": (*CLASSES, *SCORES, TOP, VALUE),
    "multiclass": CLASSES,
    "regression": ERRORS,
    "ranking": (),
}
CONCEPT = "concept"  # no measure, but whether labels depend on predictions as they did; of all tasks
METRICS = (*CLASSES, *SCORES, TOP, VALUE, *ERRORS, CONCEPT)
STREAM = "errors"  # no measure: errors one by one

# Of which measures more is worse; of `bias` any change is; of all others less.
MORE_IS_WORSE = ("log_loss", "brier", "calibration_error", "mae", "mse", "rmse", "mape")
