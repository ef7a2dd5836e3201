"""Segments: which slice of a model's traffic each record belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from config.plan import ModelPlan, SegmentPlan
from operators.reading.columns import Column, distinct, names
from operators.reading.values import disguised
from schemas import segments

REST = "other"  # the segment of values that have none of their own


class SegmentCoder:
    """One way of slicing: values with a segment of their own, each with a number, and `other` for the rest.

    A value has its own segment if the reference has at least `disclose` records of it: what is rare is told nowhere.

    Parameters
    ----------
    values
        Of the profile's segments; without a profile there are none, and those that the plan lists count.

    Attributes
    ----------
    texts : list of str
        Canonical texts of the segments, by number.
    """

    def __init__(self, plan: SegmentPlan, model: ModelPlan, values: Mapping[str, tuple[tuple[str, int], ...]]) -> None:
        self.fields = plan.fields
        counted = values.get(",".join(plan.fields))
        shown = [text for text, count in counted or () if count >= model.disclose]
        sensitive = {feature.name for feature in model.features if feature.sensitive}
        self._sensitive = [field in sensitive for field in plan.fields]
        if plan.values is None:
            known = [tuple(segments.parse(text).values()) for text in shown[: plan.limit]]
        else:
            known = [tuple(map(_name, values, self._sensitive)) for values in plan.values]
            if counted is not None:
                known = [values for values in known if self._text(values) in set(shown)]
        self.texts = [*map(self._text, known), self._text([REST] * len(plan.fields))]
        self._numbers = {values: number for number, values in enumerate(known)}

    def _text(self, values: Sequence[str]) -> str:
        return segments.text(dict(zip(self.fields, values, strict=True)))

    def codes(self, columns: list[Column]) -> npt.NDArray[np.int64]:
        """Number of each record's segment, from the columns of its fields."""
        rest = len(self.texts) - 1
        combined: list[tuple[Any, ...]] = [()]  # values that records have in the fields so far, each once
        positions = np.zeros(len(columns[0]), np.int64)  # which of them each record has
        for column, sensitive in zip(columns, self._sensitive, strict=True):
            values, of_field = distinct(column)
            shown = [_name(value, sensitive) for value in names(values)]
            found, positions = np.unique(positions * len(shown) + of_field, return_inverse=True)
            combined = [(*combined[each // len(shown)], shown[each % len(shown)]) for each in found.tolist()]
        numbers = np.array([self._numbers.get(each, rest) for each in combined], np.int64)
        return numbers[positions]


def _name(value: Any, sensitive: bool) -> Any:
    """A value as the profile has it: of a sensitive field, what stands for it."""
    return disguised(value) if sensitive and isinstance(value, str) else value
