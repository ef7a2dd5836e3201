"""Measures of predicted numbers, from sums over their errors; of several panes by the method of Chan and others.

Chan, Golub, LeVeque (1983), The American Statistician 37, doi:10.1080/00031305.1983.10483115.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from config.metrics import ERRORS

Floats = npt.NDArray[np.float64]
# Sums of error sizes cubed, of errors cubed, of their fourth and sixth powers; of shares squared and cubed; of the true
# ones' differences from their mean to the third and fourth power; of these, and of their squares, times squared errors.
Powers = tuple[float, float, float, float, float, float, float, float, float, float]


@dataclass(frozen=True)
class ErrorSums:
    """What is kept of predicted and true numbers; sums are exact within a pane, whatever the order."""

    count: int
    errors: float  # sum of predicted - true
    sizes: float  # of its absolute values
    squares: float
    shares: float  # of its absolute values as shares of the true ones
    zeros: int  # true ones of which there is no share
    mean: float  # of the true ones
    spread: float  # sum of their squared differences from the mean
    powers: Powers | None = None  # for the noise of measures; None: of sums that an older release made

    @classmethod
    def of(cls, predicted: Floats, true: Floats) -> ErrorSums:
        """Sum over finite numbers."""
        error = predicted - true
        shares = np.abs(error[true != 0] / true[true != 0])
        low = float(true.min()) if len(true) else 0.0  # from it, so that the mean of equal numbers is that number
        mean = low + math.fsum((true - low).tolist()) / max(1, len(true))
        return cls(
            len(true),
            math.fsum(error.tolist()),
            math.fsum(np.abs(error).tolist()),
            math.fsum((error**2).tolist()),
            math.fsum(shares.tolist()),
            int((true == 0).sum()),
            mean,
            math.fsum(((true - mean) ** 2).tolist()),
            _powers(error, shares, true - mean),
        )

    def __add__(self, other: ErrorSums) -> ErrorSums:
        count = self.count + other.count
        apart = other.mean - self.mean
        weight = other.count / count if count else 0.0
        return ErrorSums(
            count,
            self.errors + other.errors,
            self.sizes + other.sizes,
            self.squares + other.squares,
            self.shares + other.shares,
            self.zeros + other.zeros,
            self.mean + apart * weight,
            self.spread + other.spread + apart * apart * self.count * weight,
            self._powers_with(other, apart * weight, apart * weight - apart),
        )

    def _powers_with(self, other: ErrorSums, moved: float, others_moved: float) -> Powers | None:
        """Powers of both; the mean of the true ones moves by so much from this and from the other one."""
        if self.powers is None or other.powers is None:
            return None
        sums = [a + b for a, b in zip(self.powers, other.powers, strict=True)]
        for part, by in ((self, -moved), (other, -others_moved)):
            assert part.powers is not None, "both have them"
            third, first = part.powers[6], part.powers[8]
            sums[6] += 3 * by * part.spread + part.count * by * by * by
            sums[7] += 4 * by * third + 6 * by * by * part.spread + part.count * by * by * by * by
            sums[8] += by * part.squares
            sums[9] += 2 * by * first + by * by * part.squares
        return tuple(sums)  # type: ignore[return-value]  # ten of them


def _powers(error: Floats, shares: Floats, apart: Floats) -> Powers:
    squares = error**2
    with np.errstate(over="ignore", invalid="ignore"):  # of errors beyond 1e50 the noise is not known
        each = (
            np.abs(error) * squares, error * squares, squares**2, squares**3, shares**2, shares**3,
            apart**3, apart**4, squares * apart, squares * apart**2,
        )  # fmt: skip
    return tuple(_sum(values) for values in each)  # type: ignore[return-value]  # ten of them


def _sum(values: Floats) -> float:
    return math.fsum(values.tolist()) if np.isfinite(values).all() else math.nan


def error_metrics(sums: ErrorSums) -> dict[str, float]:
    """Compute all of ERRORS.

    Returns
    -------
    dict
        By name; NaN where a measure is undefined: ``mape`` where a true number is 0, ``r2`` where all are the same.

    Examples
    --------
    >>> found = error_metrics(ErrorSums.of(np.array([1.0, 3.0]), np.array([2.0, 4.0])))
    >>> found["mae"], found["bias"], found["r2"], found["mape"]
    (1.0, -1.0, 0.0, 0.375)
    """
    if not sums.count:
        return dict.fromkeys(ERRORS, float("nan"))
    mse = sums.squares / sums.count
    return {
        "mae": sums.sizes / sums.count,
        "mse": mse,
        "rmse": math.sqrt(mse),
        "mape": float("nan") if sums.zeros else sums.shares / sums.count,
        "bias": sums.errors / sums.count,
        "r2": 1 - sums.squares / sums.spread if sums.spread > 0 else float("nan"),
    }
