"""Outcome sums: all that measures of performance need of some labels, in a form that adds up and can be kept."""

from __future__ import annotations

import hashlib
import math

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import PredictionPlan
from operators.encoding.codes import CODES
from operators.metrics import ErrorSums, Powers, ScoreCounts
from operators.metrics.lists import ListSums
from operators.metrics.outcomes import classes_of
from operators.metrics.scores import BINS, TENTHS
from operators.metrics.slice_sums import SliceSums, both
from operators.sketches import leb128

BINS_ID = 8  # bytes that say which bins scores are counted by

Floats = npt.NDArray[np.float64]


class OutcomeSums(msgspec.Struct, array_like=True):
    """Of some labels and their predictions."""

    labels: int
    confusion: bytes = b""  # i64 (classes, classes), by true and by predicted class
    bins: bytes = b""  # u16 numbers of the bins of scores that are not empty, of negatives and positives
    counts: bytes = b""  # i64 of each of these
    tenths: bytes = b""  # f64 (2, TENTHS)
    losses: tuple[float, float] = (0.0, 0.0)  # log loss, squares
    errors: tuple[int, float, float, float, float, int, float, float] | None = None  # fields of `ErrorSums`
    powers: Powers | None = None  # likewise
    related: bytes = b""  # f64 (groups, 3): by groups of predicted numbers records, sum of errors, of their squares
    promised: bytes = b""  # scores by bin of the profile, see promises.py
    lists: ListSums | None = None  # of rankings; `labels` are lists that are measured
    sliced: SliceSums | None = None  # errors by value of features, see slice_cells.py

    @classmethod
    def of(cls, plan: PredictionPlan, values: Floats, edges: tuple[float, ...] = ()) -> OutcomeSums:
        """Sum up labels.

        Parameters
        ----------
        values : float64, shape (labels, 3)
            Predicted, probability (of two classes; else the score, see prediction_scores.py) and outcome; NaN where
            there is none.
        edges
            Between the groups of predicted numbers, see concept.py.
        """
        known = values[~(np.isnan(values[:, 0]) | np.isnan(values[:, 2]))]
        if plan.task == "regression":
            sums = ErrorSums.of(np.ascontiguousarray(known[:, 0]), np.ascontiguousarray(known[:, 2]))
            related = _related(known[:, 0], known[:, 0] - known[:, 2], edges) if edges else b""
            return cls(len(values), errors=_fields(sums), powers=sums.powers, related=related)
        size = len(classes_of(plan) or ("", ""))
        cells = known[:, 2].astype(np.int64) * size + known[:, 0].astype(np.int64)
        confusion = np.bincount(cells, minlength=size * size).astype("<i8").tobytes()
        scored = known[~np.isnan(known[:, 1])]
        if plan.task != "binary" or not len(scored):
            return cls(len(values), confusion)
        return cls._with_scores(len(values), confusion, ScoreCounts.of(scored[:, 1].copy(), scored[:, 2] == 1))

    @classmethod
    def of_lists(cls, lists: ListSums) -> OutcomeSums:
        """Sum up rankings, of which each list is as one label."""
        return cls(lists.measured, lists=lists)

    @classmethod
    def _with_scores(cls, labels: int, confusion: bytes, scores: ScoreCounts) -> OutcomeSums:
        flat = scores.counts.reshape(-1)
        there = np.flatnonzero(flat)
        return cls(
            labels,
            confusion,
            there.astype("<u2").tobytes(),
            flat[there].astype("<i8").tobytes(),
            scores.tenths.astype("<f8").tobytes(),
            (scores.log_loss, scores.squares),
        )

    def scores(self) -> ScoreCounts | None:
        """What is known of scores."""
        if not self.bins:
            return None
        flat = np.zeros(2 * BINS, np.int64)
        flat[np.frombuffer(self.bins, "<u2")] = np.frombuffer(self.counts, "<i8")
        tenths = np.frombuffer(self.tenths, "<f8").reshape(2, TENTHS)
        return ScoreCounts(flat.reshape(2, BINS), tenths, *self.losses)

    def numbers(self) -> ErrorSums:
        """What is known of predicted numbers."""
        assert self.errors is not None, "the task is a regression"
        return ErrorSums(*self.errors, self.powers)

    def by_prediction(self) -> Floats:
        """Records, sum of errors and of their squares by group of predicted numbers, shape (groups, 3)."""
        return np.frombuffer(self.related, "<f8").reshape(-1, 3)

    def rankings(self) -> ListSums:
        """What is known of lists."""
        assert self.lists is not None, "the task is a ranking"
        return self.lists

    def cells(self) -> npt.NDArray[np.int64]:
        """Labels by true and by predicted class."""
        counts = np.frombuffer(self.confusion, "<i8").astype(np.int64)
        size = round(len(counts) ** 0.5)
        return counts.reshape(size, size)

    def __add__(self, other: OutcomeSums) -> OutcomeSums:
        found = self._sum(other)
        found.promised = _both_promised(self.promised, other.promised)
        found.sliced = both(self.sliced, other.sliced)
        return found

    def _sum(self, other: OutcomeSums) -> OutcomeSums:
        labels = self.labels + other.labels
        if self.lists is not None and other.lists is not None:
            return self.of_lists(self.lists + other.lists)
        if self.errors is not None and other.errors is not None:
            sums = self.numbers() + other.numbers()
            one, another = self.by_prediction(), other.by_prediction()
            # Of groups that differ nothing is known: the profile is another one.
            related = (one + another).tobytes() if one.shape == another.shape else b""
            return OutcomeSums(labels, errors=_fields(sums), powers=sums.powers, related=related)
        confusion = (np.frombuffer(self.confusion, "<i8") + np.frombuffer(other.confusion, "<i8")).tobytes()
        mine, theirs = self.scores(), other.scores()
        both = mine + theirs if mine is not None and theirs is not None else mine or theirs
        return OutcomeSums(labels, confusion) if both is None else self._with_scores(labels, confusion, both)


def promised(edges: bytes, counts: npt.NDArray[np.int64]) -> bytes:
    """Scores by bin, with what says which bins these are."""
    return hashlib.blake2b(edges, digest_size=BINS_ID).digest() + leb128.pack(counts)


def promised_counts(edges: bytes, data: bytes, bins: int) -> npt.NDArray[np.int64] | None:
    """Scores by bin; None where there are none, or they are on the bins of another profile."""
    if not data.startswith(hashlib.blake2b(edges, digest_size=BINS_ID).digest()):
        return None
    counts = np.zeros(bins, np.int64)
    leb128.unpack(data[BINS_ID:], counts)
    return counts


def _both_promised(one: bytes, other: bytes) -> bytes:
    """Scores by bin of both; of two profiles those of the newer one."""
    if not one or not other or one[:BINS_ID] != other[:BINS_ID]:
        return other or one
    counts = np.zeros((2, CODES), np.int64)
    bins = max(leb128.unpack(data[BINS_ID:], part) for data, part in zip((one, other), counts, strict=True))
    return one[:BINS_ID] + leb128.pack(counts.sum(axis=0)[:bins])


def _related(predicted: Floats, errors: Floats, edges: tuple[float, ...]) -> bytes:
    group = np.searchsorted(np.array(edges), predicted, side="right")
    rows = [errors[group == one] for one in range(len(edges) + 1)]
    found = [(float(len(row)), math.fsum(row.tolist()), math.fsum((row**2).tolist())) for row in rows]
    return np.array(found, "<f8").tobytes()


def _fields(sums: ErrorSums) -> tuple[int, float, float, float, float, int, float, float]:
    return (
        sums.count, sums.errors, sums.sizes, sums.squares, sums.shares, sums.zeros, sums.mean, sums.spread
    )  # fmt: skip
