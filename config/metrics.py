"""Measures of performance that there are, by the task of the model that they are for."""

from __future__ import annotations

CLASSES = ("accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "mcc", "kappa")
SCORES = ("roc_auc", "average_precision", "log_loss", "brier", "calibration_error")
ERRORS = ("mae", "mse", "rmse", "mape", "bias", "r2")
METRICS = (*CLASSES, *SCORES, *ERRORS)
OF_TASK = {"binary": (*CLASSES, *SCORES), "multiclass": CLASSES, "regression": ERRORS, "ranking": ()}

# Of which measures more is worse; of `bias` any change is; of all others less.
MORE_IS_WORSE = ("log_loss", "brier", "calibration_error", "mae", "mse", "rmse", "mape")
