"""Measures: the numbers that are watched in place of a text, and what of the reference they are measured by."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import FeaturePlan, ModelPlan
from operators.columns import Column, Columns
from operators.vocabulary import FEWEST_RECORDS, WordCounts, read_vocabulary, word_hashes_of
from operators.words import Hashes, Texts, WordSet, lengths
from schemas.profile import Profile, TextReference

Floats = npt.NDArray[np.float64]


class Yardsticks(msgspec.Struct, frozen=True):
    """What a reference gives to measure by."""

    texts: dict[str, TextReference] = {}
    sure: dict[str, Hashes] = {}  # words by which the reference's own records are measured, where they are others


def yardsticks_of(profile: Profile) -> Yardsticks:
    """What records are measured by that are no part of the profile's reference."""
    return Yardsticks({} if isinstance(profile.texts, msgspec.UnsetType) else profile.texts)


class Measures:
    """Measures the features of a model that are measured.

    Parameters
    ----------
    model
        The model.
    yardsticks
        What to measure by.
    """

    def __init__(self, model: ModelPlan, yardsticks: Yardsticks) -> None:
        self._features = {field: [f for f in model.features if f.of == field] for field in fields(model)}
        self._words = {
            field: WordSet(yardsticks.sure.get(field, word_hashes_of(reference)))
            for field, reference in yardsticks.texts.items()
        }

    def numbers(self, column: Callable[[str], Column | None]) -> dict[str, Floats]:
        """Measure records.

        Parameters
        ----------
        column
            Gives the column of a field; None for one that is not carried.

        Returns
        -------
        dict
            By name of the feature: NaN is missing, infinity invalid.
        """
        found: dict[str, Floats] = {}
        for field, features in self._features.items():
            values = column(field)
            if values is not None:
                texts = Texts(values)
                for feature in features:
                    coverage = feature.measure == "coverage"
                    found[feature.name] = self._words[field].coverage(texts) if coverage else lengths(texts)
        return found


def fields(model: ModelPlan) -> list[str]:
    """Fields of records of which numbers are measured."""
    return list(dict.fromkeys(feature.of for feature in model.features if feature.of is not None))


class YardstickMaker:
    """Makes yardsticks of reference data, in a reading of its own before the numbers can be counted.

    Parameters
    ----------
    model
        Whose records they are.
    """

    def __init__(self, model: ModelPlan) -> None:
        self._features: dict[str, FeaturePlan] = {f.of: f for f in model.features if f.of is not None}
        self._disclose = model.disclose
        self._counts = {field: WordCounts() for field, feature in self._features.items() if not feature.vocabulary}

    @property
    def needed(self) -> bool:
        """Data have to be read for it."""
        return bool(self._counts)

    def add(self, columns: Columns) -> None:
        """Take in records of the model, in any order and pieces."""
        for field, counts in self._counts.items():
            if field in columns.features:
                counts.add(Texts(columns.features[field]))

    def build(self) -> Yardsticks:
        """What has been found; raises `DataError` where a file of words is of no use."""
        texts: dict[str, TextReference] = {}
        sure: dict[str, Hashes] = {}
        for field, feature in self._features.items():
            if feature.vocabulary:
                texts[field] = read_vocabulary(feature.vocabulary)
            else:
                records = max(FEWEST_RECORDS, self._disclose if feature.sensitive else 0)
                texts[field], sure[field] = self._counts[field].vocabulary(records)
        return Yardsticks(texts, sure)
