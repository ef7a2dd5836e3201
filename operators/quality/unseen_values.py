"""Unseen values: which values of a field the reference of a version does not have, for expectations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from operators.encoding.coding import CategoryCoder, NumericCoder
from operators.profiles.references import ModelSignals
from operators.quality.signals import FEATURE, has_unseen
from operators.reading.columns import Column
from operators.statistics.ranks import unseen_codes
from schemas.profile import NumericSignal

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Unseen:
    """Tells values of a signal that the reference does not have."""

    coder: NumericCoder | CategoryCoder
    codes: Flags  # (256,)

    def among(self, values: npt.NDArray[np.float64] | Column) -> Flags:
        """Which of them it does not have."""
        if isinstance(self.coder, NumericCoder):
            return np.asarray(self.codes[self.coder.codes(np.asarray(values, np.float64)[:, None])[:, 0]], np.bool_)
        assert not isinstance(values, np.ndarray), "names are read as such"
        return np.asarray(self.codes[self.coder.codes(values)], np.bool_)


def unseen_of(signals: ModelSignals, name: str) -> Unseen | None:
    """Of a signal; None where it cannot be told, see `quality.has_unseen`."""
    if name not in signals.names:
        return None
    signal = signals.signals[signals.names.index(name)]
    feature = next((one for one in signals.model.features if FEATURE + one.name == name), None)
    if not has_unseen(feature, signal):
        return None
    if isinstance(signal, NumericSignal):
        return Unseen(NumericCoder([signal]), unseen_codes(signal))
    return Unseen(CategoryCoder(signal, truth=feature is not None and feature.type == "boolean"), unseen_codes(signal))
