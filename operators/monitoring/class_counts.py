"""Class counts: how the values of features lie in records of each predicted class, counted for people to look at.

Counts are of parts of a feature: its most frequent values in the reference, or tenths of it. They are one list for each
slide, feature after feature, in each class after class.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from config.plan import ModelPlan, PredictionPlan
from config.slices import MOST_BY_CLASS
from operators.encoding.codes import CODES, OTHER, UNSEEN
from operators.monitoring.slice_parts import Part, part_of
from operators.profiles.references import FEATURE, ModelSignals
from operators.profiles.signal_values import PREDICTION
from schemas.profile import NumericSignal, Profile, Signal
from schemas.summaries import ByClass

CLASSES = 10  # that are told by name, the most frequent of the reference: more can not be read beside each other
OTHERS = "(other)"
TENTHS = 10  # parts of a number
VALUES = 10  # of a feature that are parts of their own
ROWS = 8_192  # records that are counted at once: with 50 features they take 3 MB

Codes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


def class_misfit(model: ModelPlan, profile: Profile) -> str | None:
    """Why features cannot be counted by class with a profile; None: they can, or nobody asks for it."""
    if not isinstance(model.by_class, tuple):
        return None
    if lacking := [name for name in model.by_class if FEATURE + name not in profile.signals]:
        return f"has no feature {', '.join(lacking)}, which 'by_class' asks for"
    return None if PREDICTION in profile.signals else "has no prediction, which 'by_class' asks for"


class ClassCounts:
    """What is counted of a model version.

    Attributes
    ----------
    classes : tuple of str
        Those that are told apart.
    parts : dict of str to Part
        By signal, the parts of each feature.
    """

    def __init__(self, signals: ModelSignals, prediction: PredictionPlan, names: Sequence[str]) -> None:
        at = signals.names.index(PREDICTION)
        self._prediction = at
        self.classes, self._class_of = _classes(signals.signals[at], prediction)
        found = {name: signals.names.index(name) for name in names}
        parts = {name: part_of(signals.signals[at], at, VALUES, TENTHS) for name, at in found.items()}
        self.parts: dict[str, Part] = {name: part for name, part in parts.items() if part.names}
        self._widths = [len(self.classes) * len(part.names) for part in self.parts.values()]
        self._starts = np.cumsum([0, *self._widths])

    @classmethod
    def of(cls, signals: ModelSignals) -> ClassCounts | None:
        """As the configuration asks for it; None where it does not, or nothing is predicted."""
        model = signals.model
        if not isinstance(model.by_class, tuple) or model.prediction is None or PREDICTION not in signals.names:
            return None
        hidden = {FEATURE + one.name for one in model.features if one.sensitive and one.type == "numeric"}
        every = [name for name in signals.names if name.startswith(FEATURE) and name not in hidden]
        names = [FEATURE + name for name in model.by_class] or every[:MOST_BY_CLASS]
        return cls(signals, model.prediction, names)

    @property
    def cells(self) -> int:
        """Counts of a slide."""
        return int(self._starts[-1])

    def counted(self, codes: Codes) -> list[int]:
        """Counts of records by their codes, uint8 of shape (records, signals)."""
        total = np.zeros(self.cells, np.int64)
        for first in range(0, len(codes), ROWS):
            rows = codes[first : first + ROWS]
            classes = self._class_of[rows[:, self._prediction]]
            for start, width, part in zip(self._starts.tolist(), self._widths, self.parts.values(), strict=False):
                parts = part.of[rows[:, part.position]]
                cells = (classes * len(part.names) + parts)[(classes >= 0) & (parts >= 0)]
                total[start : start + width] += np.bincount(cells, minlength=width)
        return [int(count) for count in total]

    def told(self, counts: Sequence[int]) -> dict[str, ByClass]:
        """By signal, for a summary; nothing where nothing was counted."""
        found = {}
        for start, (name, part) in zip(self._starts.tolist(), self.parts.items(), strict=False):
            many = len(part.names)
            rows = [tuple(counts[start + many * row : start + many * (row + 1)]) for row in range(len(self.classes))]
            if any(map(any, rows)):
                found[name] = ByClass(parts=part.names, counts=dict(zip(self.classes, rows, strict=True)))
        return found


def _classes(signal: Signal, prediction: PredictionPlan) -> tuple[tuple[str, ...], Ints]:
    """Names of the classes, and the number of that of each code of the prediction, -1: none."""
    of = np.full(CODES, -1, np.int64)
    if isinstance(signal, NumericSignal):
        # Of a probability its bins are known: they are parted at the border next to the threshold, and told so.
        cut = int(np.argmin(np.abs(np.array(signal.edges) - prediction.threshold))) if signal.edges else 0
        edge = f"{signal.edges[cut]:.4g}" if signal.edges else ""
        of[: len(signal.counts)] = np.arange(len(signal.counts)) > cut
        return (f"below {edge}", f"from {edge}"), of
    names = [name for name, _ in signal.categories[:CLASSES]]
    of[: len(signal.categories)] = np.minimum(np.arange(len(signal.categories)), CLASSES)
    if OTHERS in names:
        of[len(names) : len(signal.categories)] = names.index(OTHERS)
    elif len(signal.categories) > CLASSES or signal.rest:
        names.append(OTHERS)
    of[[OTHER, UNSEEN]] = names.index(OTHERS) if OTHERS in names else -1
    return tuple(names), of
