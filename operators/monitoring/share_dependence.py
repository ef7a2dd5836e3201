"""Dependence of quality signals that the stream has to tell, where the reference is in no known order.

As stream_dependence.py has it of values. Values out of their range have no code of their own: followed is what is in
bins that reach beyond it. Ids that came again are not followed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from operators.encoding.codes import CODES
from operators.monitoring.stream_dependence import STEPS, in_no_order
from operators.profiles.references import ModelSignals
from operators.quality.signals import QualityReference
from operators.sketches import octaves, share_octaves
from operators.sketches.share_octaves import KIND, NEITHER, OTHER
from operators.statistics.ranks import reference_counts
from schemas.profile import NumericSignal

Flags = npt.NDArray[np.bool_]


class ShareDependence:
    """What is followed of each record: whether it is of the kind of a quality signal.

    Parameters
    ----------
    signals
        Of the model version.
    reference
        Of the key's quality signals; None where the model has none.
    """

    def __init__(self, signals: ModelSignals, reference: QualityReference | None) -> None:
        told = [] if reference is None or not in_no_order(signals) else reference.signals
        self._rows = np.array([row for row, one in enumerate(told) if one.what != "duplicates"], np.int64)
        self._kinds = np.zeros((len(self._rows), CODES), np.uint8)
        self._shares, self._signals = np.empty(len(self._rows)), np.empty(len(self._rows), np.int64)
        for at, row in enumerate(self._rows.tolist()):
            assert reference is not None, "it has rows"
            position = self._signals[at] = reference.signals[row].position
            known, of, codes = reference.known[row], reference.of[row], reference.codes[row]
            if reference.ranged[row] >= 0:
                codes = _beyond(signals, position)
                known = reference_counts(signals.signals[position])[codes].sum()
            self._kinds[at] = np.where(codes, KIND, np.where(reference.carried[row], OTHER, NEITHER))
            self._shares[at] = (min(known, of) + 0.5) / (of + 1)  # between 0 and 1 whatever the reference had

    @property
    def rows(self) -> list[int]:
        """Which of the quality signals are followed."""
        return list(self._rows.tolist())

    def __len__(self) -> int:
        """How many are followed."""
        return len(self._rows)

    def follow(self, state: bytes, codes: npt.NDArray[np.uint8]) -> bytes:
        """State after the records of a pane, in the order of time."""
        if not len(self):
            return b""
        found = share_octaves.unpack(state, len(self))
        share_octaves.follow(found, codes, self._signals, self._kinds, self._shares)
        return found.pack()

    def told(self, state: bytes) -> bytes:
        """What the stream has told so far, as tau in steps: one byte for each length of each share; none: nothing."""
        if not state:
            return b""
        pairs, totals = share_octaves.squares(share_octaves.unpack(state, len(self)), self._shares)
        tau, clear = octaves.curves_of(pairs, totals, 4 * self._shares * (1 - self._shares))
        steps = np.minimum(np.ceil(STEPS * np.log2(tau)), 255).astype(np.uint8)
        return steps.tobytes() if clear.any() and steps.any() else b""

    def slowed(self, told: bytes, reference: QualityReference) -> QualityReference:
        """A reference of quality signals, with what the stream has told."""
        tau = np.ones((len(reference.signals), octaves.LENGTHS))
        tau[self._rows] = 2.0 ** (np.frombuffer(told, np.uint8).reshape(len(self), octaves.LENGTHS) / STEPS)
        return replace(reference, told=tau)


def _beyond(signals: ModelSignals, position: int) -> Flags:
    """Codes of values some of which are out of their range."""
    signal, limits = signals.signals[position], signals.model.features[position].range
    assert isinstance(signal, NumericSignal), "ranges are of numbers"
    assert limits is not None, "it has a range"
    edges = np.array([-np.inf, *signal.edges, np.inf])
    found = np.zeros(CODES, np.bool_)
    found[: len(signal.counts)] = (edges[:-1] < limits[0]) | (edges[1:] > limits[1])
    return found
