"""Measures of performance that there are, by the task of the model that they are for."""

from __future__ import annotations

CLASSES = ("accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "mcc", "kappa")
BY_CLASS = ("precision", "recall", "specificity", "f1")  # there is one of each class, and averages of them
SCORES = ("roc_auc", "average_precision", "log_loss", "brier", "calibration_error")
TOP, VALUE = "precision_at_k", "value"  # these need more than a name
ERRORS = ("mae", "mse", "rmse", "mape", "bias", "r2")
HITS = "hit_rate"
LISTS = ("ndcg", "mrr", "map", TOP, HITS)  # of each list of items, and the mean over lists
WITH_K, MAY_HAVE_K = (TOP, HITS), ("ndcg",)  # of the first k
PLAIN = {"binary": (*CLASSES, *SCORES), "multiclass": CLASSES, "regression": ERRORS, "ranking": ("ndcg", "mrr", "map")}
OF_TASK = {
    "binary": (*CLASSES, *SCORES, TOP, VALUE),
    "multiclass": CLASSES,
    "regression": ERRORS,
    "ranking": LISTS,
}
CONCEPT = "concept"  # no measure, but whether labels depend on predictions as they did
METRICS = (*CLASSES, *SCORES, TOP, VALUE, *ERRORS, *LISTS, CONCEPT)
STREAM = "errors"  # no measure: errors one by one
BESIDE = {"binary": (CONCEPT, STREAM), "multiclass": (CONCEPT, STREAM), "regression": (CONCEPT, STREAM), "ranking": ()}

# Of which measures more is worse; of `bias` any change is; of all others less.
MORE_IS_WORSE = ("log_loss", "brier", "calibration_error", "mae", "mse", "rmse", "mape")
