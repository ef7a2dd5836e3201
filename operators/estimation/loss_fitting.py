"""Loss fitting: trees that expect the error of a prediction, fitted to labelled records by scikit-learn.

For `tidemark profile` alone: what the trees have learned is data of the profile, and no job needs scikit-learn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from operators.estimation.loss_trees import GAPS, LEAF, MISSING_LEFT, NODE, LossModel, packed
from schemas.errors import UsageError
from schemas.profile import LossTrees

FOLDS = 5  # spans of time: each is expected by trees that were fitted to the others
ROUNDS = 100  # trees; errors are noisy, so more learn noise
LEAVES = 15
LEAST = 50  # records in a leaf

Codes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


def fit_losses(names: tuple[str, ...], codes: Codes, errors: Floats) -> tuple[LossTrees, Floats]:
    """Fit trees to the sizes of errors.

    Parameters
    ----------
    names
        Of the features.
    codes : uint8, shape (records, features)
        In the order of time.
    errors : float64, shape (records,)

    Returns
    -------
    trees
    expected : float64, shape (records,)
        Of each record by trees that were fitted without it and those around it.
    """
    sizes = np.abs(errors)
    expected = np.empty(len(sizes))
    fold = np.arange(len(sizes)) * FOLDS // len(sizes)
    columns = {name: column for column, name in enumerate(names)}
    for one in range(FOLDS):
        rest = fold != one
        model = LossModel(_fitted(names, codes[rest], sizes[rest]), columns)
        expected[~rest] = model.losses(np.ascontiguousarray(codes[~rest]))
    return _fitted(names, codes, sizes), expected


def _fitted(names: tuple[str, ...], codes: Codes, sizes: Floats) -> LossTrees:
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor
    except ImportError:
        message = "to estimate the error of predicted numbers needs scikit-learn; pip install 'tidemark[estimate]'"
        raise UsageError(message) from None
    values = np.where(GAPS[codes], np.nan, codes.astype(np.float64))
    values[:, np.isnan(values).all(axis=0)] = 0.0  # of which it could make no bins
    booster = HistGradientBoostingRegressor(
        max_iter=ROUNDS, max_leaf_nodes=LEAVES, min_samples_leaf=LEAST, early_stopping=False, random_state=0
    )
    booster.fit(values, sizes)
    # Its nodes are no public part of it: tests hold what is made of them against its own predictions.
    trees = [_nodes(predictor.nodes) for (predictor,) in booster._predictors]
    return packed(names, float(booster._baseline_prediction.ravel()[0]), trees)


def _nodes(found: npt.NDArray[Any]) -> npt.NDArray[Any]:
    nodes = np.zeros(len(found), NODE)
    for name in ("value", "left", "right"):
        nodes[name] = found[name]
    nodes["feature"] = np.where(found["is_leaf"], 0, found["feature_idx"])
    # A threshold lies between two codes, or is infinite where only missing values go right.
    nodes["code"] = np.floor(np.clip(np.where(found["is_leaf"], 0, found["num_threshold"]), 0, 255))
    nodes["flags"] = np.where(found["is_leaf"], LEAF, 0) | np.where(found["missing_go_to_left"], MISSING_LEFT, 0)
    return nodes
