"""Quality signals in a season: which shares the reference has at the times that a window covers.

As values are in season_references.py: each part of the season is taken together with k records of the whole, a window
is compared with the mixture of the parts at its times, and a segment is taken to have the season of the whole. How many
values are out of their range is not known by part: these are compared with all records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.encoding.codes import CODES
from operators.profiles.shrinkage import precisions
from operators.profiles.slices import SliceReader
from operators.quality.signals import QualityReference
from schemas.profile import Profile, Signal

Floats = NDArray[np.float64]


class SeasonShares:
    """Shares of quality signals by part of the season.

    Parameters
    ----------
    reference
        Of the whole traffic.
    profile
        It has the season of its model.
    signals
        Of the model version by name, in its order.
    """

    def __init__(self, reference: QualityReference, profile: Profile, signals: Mapping[str, Signal]) -> None:
        season = profile.season
        assert not isinstance(season, msgspec.UnsetType), "profile_files refuses it"
        self._whole = reference
        reader = SliceReader(profile.signals, signals)
        self._known, self._of = np.zeros((2, len(season.slices), len(reference.signals)))
        for number, part in enumerate(season.slices):
            if part is not None:
                counted = reference.of_part(reader.read(part).counts)
                self._known[number], self._of[number] = counted.known, counted.of
        self.precision = share_precisions(reference, self._known, self._of)

    def at(self, weights: Mapping[int, float], reference: QualityReference) -> QualityReference:
        """What a reference, of the whole or of a segment, has at some times.

        Parameters
        ----------
        weights
            Of parts of the season; they add up to 1.
        reference
        """
        whole = self._whole
        everywhere = whole.known / np.maximum(whole.of, 1)
        share, unknown = np.zeros((2, len(whole.signals)))
        for part, weight in weights.items():
            records = self._of[part] + self.precision
            share += weight * (self._known[part] + self.precision * everywhere) / np.maximum(records, 1)
            unknown += weight**2 / np.maximum(records, 1)
        error = 1 / np.maximum(reference.of, 1) + np.maximum(unknown - 1 / np.maximum(whole.of, 1), 0)
        moved = np.where(everywhere > 0, share / np.where(everywhere > 0, everywhere, 1.0), 1.0)
        own = np.minimum(reference.known / np.maximum(reference.of, 1) * moved, 1.0)
        of = np.where(reference.of > 0, 1 / error, 0.0)
        ranged = whole.ranged >= 0
        return replace(
            reference,
            known=np.where(ranged, reference.known, own * of),
            of=np.where(ranged, reference.of, of),
        )


def share_precisions(whole: QualityReference, known: Floats, of: Floats) -> Floats:
    """How many records of the whole are taken together with each part of the season, see shrinkage.py.

    Parameters
    ----------
    whole
    known, of : float64, shape (parts, signals)
        Records of the kind, and all records.
    """
    groups = np.full((len(whole.signals), CODES), -1, np.int64)
    groups[:, :2] = [0, 1]
    return precisions(map(cells, known, of), cells(whole.known, whole.of), groups)


def cells(known: Floats, of: Floats) -> Floats:
    """Records of a kind, and others, as counts by code, shape (signals, 256)."""
    found = np.zeros((len(known), CODES))
    found[:, 0], found[:, 1] = known, of - known
    return found
