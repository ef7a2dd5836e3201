"""Measures: the numbers that are watched in place of a text or an embedding, and what they are measured by."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from config.measured import MEASURES
from config.plan import FeaturePlan, ModelPlan
from operators.profiles.directions import VectorSample, Yardstick, hash_vectors
from operators.profiles.vocabulary import FEWEST_RECORDS, WordCounts, read_vocabulary, word_hashes_of
from operators.reading.columns import Column, Columns
from operators.reading.vectors import Vectors
from operators.reading.words import Hashes, Texts, WordSet, lengths
from schemas.profile import Profile, TextReference, VectorReference

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Yardsticks(msgspec.Struct, frozen=True):
    """What a reference gives to measure by, and how its own records are measured."""

    texts: dict[str, TextReference] = {}
    vectors: dict[str, VectorReference] = {}
    sure: dict[str, Hashes] = {}  # words by which the reference's own records are measured, where they are others
    below: dict[str, np.uint64] = {}  # hashes of vectors by which the directions were found


def yardsticks_of(profile: Profile) -> Yardsticks:
    """What records are measured by that are no part of the profile's reference."""
    texts, vectors = profile.texts, profile.vectors
    return Yardsticks(
        {} if isinstance(texts, msgspec.UnsetType) else texts, {} if isinstance(vectors, msgspec.UnsetType) else vectors
    )


def measured_fields(profile: Profile) -> list[FeaturePlan]:
    """Texts and embeddings that a profile describes."""
    yardsticks = yardsticks_of(profile)
    texts = [FeaturePlan(name=name, type="text") for name in yardsticks.texts]
    vectors = yardsticks.vectors.items()
    return [*texts, *(FeaturePlan(name=name, type="embedding", dim=dim_of(reference)) for name, reference in vectors)]


def dim_of(reference: VectorReference) -> int:
    """How many numbers a vector has."""
    return len(reference.center) // 8


class Measured(msgspec.Struct, frozen=True):
    """What has been measured, by name of the feature."""

    numbers: dict[str, Floats]  # NaN is missing, infinity invalid
    aside: dict[str, Flags]  # values that are not counted: of records that the yardstick was made of


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
        self._fields = fields(model)
        self._words = {
            field: WordSet(yardsticks.sure.get(field, word_hashes_of(reference)))
            for field, reference in yardsticks.texts.items()
        }
        self._directions = {field: Yardstick(reference) for field, reference in yardsticks.vectors.items()}
        self._below = yardsticks.below

    def measured(
        self, column: Callable[[str], Column | None], *, texts: bool, times_ms: Ints | None = None
    ) -> Measured:
        """Measure records.

        Parameters
        ----------
        column
            Gives the column of a field; None for one that is not carried.
        texts
            Whether values are cells of a CSV.
        times_ms
            Event times, as the yardsticks were made with; only for records of the reference.
        """
        numbers: dict[str, Floats] = {}
        aside: dict[str, Flags] = {}
        for field, feature in self._fields.items():
            values = column(field)
            if values is None:
                continue
            if feature.dim is None:
                read = Texts(values)
                found = lengths(read), self._words[field].coverage(read)
                names = MEASURES["text"]
            else:
                vectors = Vectors(values, feature.dim, texts=texts)
                found = self._directions[field].measure(vectors)
                names = MEASURES["embedding"]
                if field in self._below:
                    of_sample = hash_vectors(vectors, times_ms) < self._below[field]
                    aside[f"{field}.distance"] = of_sample & (vectors.gaps == 0)
            numbers |= {f"{field}.{name}": values for name, values in zip(names, found, strict=True)}
        return Measured(numbers, aside)


def measured_number(feature: FeaturePlan, columns: Mapping[str, Column], *, texts: bool) -> Floats:
    """What is measured of a text or an embedding whatever the reference is: its length, or its norm."""
    assert feature.of is not None, "it is measured"
    if feature.dim is None:
        return lengths(Texts(columns[feature.of]))
    vectors = Vectors(columns[feature.of], feature.dim, texts=texts)
    return np.asarray(np.where(vectors.gaps == 0, np.sqrt((vectors.values**2).sum(axis=1)), vectors.gaps), np.float64)


def fields(model: ModelPlan) -> Mapping[str, FeaturePlan]:
    """Fields of records of which numbers are measured, each with one of its features."""
    return {feature.of: feature for feature in model.features if feature.of is not None}


class YardstickMaker:
    """Makes yardsticks of reference data, in a reading of its own before the numbers can be counted.

    Parameters
    ----------
    model
        Whose records they are.
    """

    def __init__(self, model: ModelPlan) -> None:
        self._fields = fields(model)
        self._disclose = model.disclose
        self._words: dict[str, WordCounts] = {}
        self._vectors: dict[str, VectorSample] = {}
        for field, feature in self._fields.items():
            if feature.dim is not None:
                self._vectors[field] = VectorSample(feature.dim)
            elif feature.vocabulary is None:
                self._words[field] = WordCounts()

    @property
    def needed(self) -> bool:
        """Data have to be read for it."""
        return bool(self._words or self._vectors)

    def add(self, columns: Columns, *, texts: bool, times_ms: Ints | None = None) -> None:
        """Take in records of the model, in any order and pieces; `texts`: they are cells of a CSV."""
        for field, counts in self._words.items():
            if field in columns.features:
                counts.add(Texts(columns.features[field]))
        for field, sample in self._vectors.items():
            if field in columns.features:
                sample.add(Vectors(columns.features[field], self._fields[field].dim or 1, texts=texts), times_ms)

    def build(self) -> Yardsticks:
        """What has been found; raises `DataError` where a file of words is of no use."""
        made = Yardsticks({}, {}, {}, {})
        for field, feature in self._fields.items():
            fewest = max(FEWEST_RECORDS, self._disclose if feature.sensitive else 0)
            if field in self._vectors:
                made.vectors[field], made.below[field] = self._vectors[field].fit(fewest)
            elif feature.vocabulary:
                made.texts[field] = read_vocabulary(feature.vocabulary)
            else:
                made.texts[field], made.sure[field] = self._words[field].vocabulary(fewest)
        return made
