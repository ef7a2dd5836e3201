"""Score tables: from labelled records of a model to the part of its profile that performance is estimated from."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from operators.encoding.coding import NumericCoder
from operators.estimation.loss_fitting import fit_losses
from operators.estimation.score_rates import rates
from operators.monitoring.window_tests import LEAST
from operators.profiles.binning import numeric_signal
from operators.profiles.dependence import calibrate
from operators.profiles.value_counts import ValueCounts
from operators.sketches import leb128
from schemas.errors import DataError
from schemas.profile import Estimation, NumericSignal

LEAST_RECORDS = 500  # with fewer, rates by bin are little but noise, and groups of 25 records or less tell no error
CELLS = 1_000_000  # distinct scores

Floats = npt.NDArray[np.float64]


def class_estimation(
    scores: Floats,
    predicted: Floats,
    outcomes: Floats,
    classes: int,
    segments: Mapping[str, npt.NDArray[np.bool_]],
    *,
    trained: bool,
) -> Estimation:
    """Table of a model that predicts classes.

    Parameters
    ----------
    scores, predicted, outcomes : float64, shape (records,)
        Scores of `prediction_scores`, predicted and true classes by position, of two 1 the positive one; in the order
        of time. A record without one of them, NaN, is left out.
    classes
        How many there are.
    segments
        Of each, which of the records are in it.

    Raises
    ------
    DataError
        There are too few records, or they do not tell right from wrong.
    """
    there = np.isfinite(scores) & np.isfinite(predicted) & np.isfinite(outcomes)
    scores, predicted, outcomes = scores[there], predicted[there].astype(np.int64), outcomes[there]
    _check(len(scores), "with a label, a prediction and its confidence")
    right = outcomes == 1 if classes == 2 else outcomes == predicted
    if right.all() or not right.any():
        what = "are of one class" if classes == 2 else "were predicted right" if right.all() else "were predicted wrong"
        message = f"all {len(scores):,} labelled records {what}, so that nothing can be estimated from them"
        raise DataError(message)
    score, codes = _binned(scores)
    bins = len(score.counts)
    shown = [1] if classes == 2 else range(classes)
    counts = np.maximum(np.array(score.counts, np.float64), 1.0)
    shares = np.array([np.bincount(codes[predicted == one], minlength=bins) / counts for one in shown])
    middles: Floats = np.array(score.means)
    parts = np.zeros(bins, np.int64)
    if classes == 2:  # of bins without records the class is that of the nearest one with some
        shares[:, np.array(score.counts) == 0] = np.nan
        known = np.flatnonzero(~np.isnan(shares[0]))
        shares[0] = np.interp(middles, middles[known], shares[0][known])
    else:
        parts = np.clip(np.floor(middles), 0, classes - 1).astype(np.int64)
        empty = np.array(score.counts) == 0
        shares[:, empty] = np.eye(classes)[:, parts[empty]]
    return Estimation(
        score=score,
        rates=_packed(rates(codes, right.astype(np.float64), middles, parts)),
        predicted=_packed(shares),
        segments=_segments(codes, bins, {name: rows[there] for name, rows in segments.items()}),
        trained=trained,
    )


def error_estimation(
    features: tuple[str, ...],
    codes: npt.NDArray[np.uint8],
    errors: Floats,
    segments: Mapping[str, npt.NDArray[np.bool_]],
    *,
    trained: bool,
) -> Estimation:
    """Table of a model that predicts numbers.

    Parameters
    ----------
    features
        Signals, in the order of the columns of codes.
    codes : uint8, shape (records, features), C-contiguous
        In the order of time.
    errors : float64, shape (records,)
        Predicted less true, finite.
    segments
        Of each, which of the records are in it.

    Raises
    ------
    DataError
        There are too few records.
    """
    _check(len(errors), "with a label and a prediction")
    loss, expected = fit_losses(features, codes, errors)
    score, places = _binned(expected)
    bins, middles = len(score.counts), np.array(score.means, np.float64)
    parts = np.zeros(bins, np.int64)
    sizes: Floats = np.abs(errors)
    return Estimation(
        score=score,
        rates=_packed(rates(places, sizes, middles, parts)),
        squares=_packed(rates(places, sizes**2, middles, parts)),
        fourths=_packed(rates(places, sizes**4, middles, parts)[:1]),
        segments=_segments(places, bins, segments),
        loss=loss,
        trained=trained,
    )


def _check(records: int, what: str) -> None:
    if records < LEAST_RECORDS:
        message = f"{records:,} records {what} are too few to estimate performance from ({LEAST_RECORDS} at least)"
        raise DataError(message)


def _binned(scores: Floats) -> tuple[NumericSignal, npt.NDArray[np.uint8]]:
    """Bins of scores, with their dependence, and codes."""
    values = ValueCounts(CELLS)
    values.add(scores)
    signal = numeric_signal(values, 0, 0)
    codes = NumericCoder([signal]).codes(np.ascontiguousarray(scores[:, None])).ravel()
    return msgspec.structs.replace(signal, calibration=calibrate(signal, codes)), codes


def _segments(
    codes: npt.NDArray[np.uint8], bins: int, segments: Mapping[str, npt.NDArray[np.bool_]]
) -> dict[str, bytes]:
    counted = {name: np.bincount(codes[rows], minlength=bins) for name, rows in segments.items()}
    return {name: leb128.pack(counts) for name, counts in counted.items() if counts.sum() >= LEAST}


def _packed(table: Floats) -> bytes:
    return np.ascontiguousarray(table, "<f4").tobytes()
