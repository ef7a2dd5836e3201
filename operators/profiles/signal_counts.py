"""Counts of a signal's values, of which its part of a profile is made."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from config.plan import ModelPlan
from operators.profiles.binning import numeric_signal
from operators.profiles.name_counts import NameCounts
from operators.profiles.signal_values import PREDICTION, Values
from operators.profiles.value_counts import ValueCounts
from operators.quality.signals import outside
from schemas.profile import NumericSignal, Signal

CLASSES = 20  # whole numbers as predictions are classes as long as there are not more different ones


class NumberCounts:
    """Of a numeric signal; `limits` are those of its range, outside which its values are counted."""

    def __init__(self, cells: int, limits: tuple[float, float] | None = None) -> None:
        self.values = ValueCounts(cells)
        self._limits = limits
        self.count = self.missing = self.invalid = self.outside = 0
        self.fractions = False

    def add(self, column: npt.NDArray[np.float64]) -> None:
        """Count numbers; NaN is missing, infinity invalid."""
        finite = column[np.isfinite(column)]
        missing = int(np.isnan(column).sum())
        self.missing += missing
        self.invalid += len(column) - missing - len(finite)
        self.count += len(finite)
        if self._limits is not None:
            self.outside += int(outside(finite[:, None], [self._limits]).sum())
        self.fractions = self.fractions or bool((finite != np.floor(finite)).any())
        self.values.add(finite)

    @property
    def present(self) -> bool:
        """Whether any value came, a valid one or not."""
        return self.count + self.invalid > 0

    def signal(self, like: Signal | None = None, *, private: int = 0) -> NumericSignal:
        """Make the signal; with the bins of `like`, if it has any."""
        bins = like if isinstance(like, NumericSignal) else None
        return numeric_signal(self.values, self.missing, self.invalid, like=bins, private=private)


class PredictionCounts:
    """A prediction is a class or a number; where its task leaves that open, the data decide."""

    def __init__(self, model: ModelPlan, cells: int) -> None:
        plan = model.prediction
        self._task = plan.task if plan else None
        listed = (*(plan.classes or ()), plan.positive) if plan else ()
        self._public = {name for name in listed if name is not None}
        self._numbers = NumberCounts(cells)
        self._names = NameCounts()

    def add(self, values: Values) -> None:
        """Count the predictions among values, as numbers and as classes where they can be either."""
        if PREDICTION in values.numbers:
            self._numbers.add(values.numbers[PREDICTION])
        self._names.add(values.names.get(PREDICTION, ()))

    def signal(self, like: Signal | None, disclose: int) -> Signal | None:
        """Make the signal, of the type of `like` if there is one; None if nothing came."""
        if not self._numbers.present and not self._names.names.total() + self._names.invalid:
            return None
        if isinstance(like, NumericSignal) or (like is None and self._is_number()):
            return self._numbers.signal(like)
        return self._names.signal(disclose=disclose, public=self._public)

    def _is_number(self) -> bool:
        if self._task in ("regression", "ranking"):
            return True
        if self._task == "multiclass" or self._numbers.count <= self._numbers.invalid:
            return False
        return self._numbers.fractions or (self._task is None and len(self._names.names) > CLASSES)
