"""Records of a batch in columns, however they were written: what decode codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import LabelsPlan, ModelPlan
from operators.encoding import measures
from operators.reading.columns import Column, listed, take

Identity = tuple[str, str, str]  # model, version, role


class Layout(msgspec.Struct, frozen=True):
    """Which fields of a model's records are read as numbers and which as names."""

    numbers: tuple[str, ...]  # features
    names: tuple[str, ...]  # features, then texts that are measured, then fields that only segments are made of
    vectors: tuple[str, ...]  # embeddings that are measured
    # Fields of segments, and of rankings the group: among the features, or beside them in the record.
    segments: tuple[str, ...]
    probabilities: bool = False  # of classes are read, and not only the largest


def layout(model: ModelPlan, group: str) -> Layout:
    """What is read of a model's records; ``group`` is where they have the group, which is read of measured rankings."""
    numbers = [f.name for f in model.features if f.type == "numeric" and f.of is None]
    vectors = list(dict.fromkeys(f.field for f in model.features if f.dim is not None))
    texts = [field for field in measures.fields(model) if field not in vectors]
    names = [*(f.name for f in model.features if f.type != "numeric"), *texts]
    fields = dict.fromkeys(field for segment in model.segments for field in segment.fields)
    if model.is_ranking and isinstance(model.labels, LabelsPlan):
        fields[group] = None
    beside = [field for field in fields if field not in names and field not in numbers]
    probabilities = isinstance(model.proxies, tuple)
    return Layout(tuple(numbers), (*names, *beside), tuple(vectors), tuple(fields), probabilities)


class Records(msgspec.Struct, frozen=True):
    """Records of one model, version and role."""

    rows: npt.NDArray[np.int64]  # positions in the batch, ascending
    numbers: npt.NDArray[np.float64]  # (records, numbers of the layout); NaN is missing, inf invalid
    names: Mapping[str, Column]  # by names and vectors of the layout
    prediction: Column
    confidence: npt.NDArray[np.float64]
    segments: Mapping[str, Column]  # by segments of the layout
    hashes: npt.NDArray[np.uint64]  # of the id, or of the content where there is none
    labels: Column | None = None  # where they are read
    probabilities: Column | None = None  # of each record, by class; only where they are read


def some(records: Records, at: npt.NDArray[np.int64]) -> Records:
    """Records at some positions."""

    def columns(given: Mapping[str, Column]) -> dict[str, Column]:
        return {name: take(column, at) for name, column in given.items()}

    return Records(
        rows=records.rows[at],
        numbers=records.numbers[at],
        names=columns(records.names),
        prediction=take(records.prediction, at),
        confidence=records.confidence[at],
        segments=columns(records.segments),
        hashes=records.hashes[at],
        labels=None if records.labels is None else take(records.labels, at),
        probabilities=None if records.probabilities is None else take(records.probabilities, at),
    )


def merged(first: Records, second: Records, of_first: npt.NDArray[np.bool_]) -> Records:
    """Records of two parts; ``of_first`` says of each, in order, whether it is in the first."""

    def arrays(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[Any]:
        both = np.empty((len(of_first), *one.shape[1:]), one.dtype)
        both[of_first], both[~of_first] = one, other
        return both

    def columns(one: Column, other: Column) -> Column:
        places = [iter(listed(other)), iter(listed(one))]
        return [next(places[mine]) for mine in of_first.tolist()]

    return Records(
        rows=arrays(first.rows, second.rows),
        numbers=arrays(first.numbers, second.numbers),
        names={name: columns(column, second.names[name]) for name, column in first.names.items()},
        prediction=columns(first.prediction, second.prediction),
        confidence=arrays(first.confidence, second.confidence),
        segments={name: columns(column, second.segments[name]) for name, column in first.segments.items()},
        hashes=arrays(first.hashes, second.hashes),
        labels=None if first.labels is None or second.labels is None else columns(first.labels, second.labels),
    )


class Reading(Protocol):
    """A batch that has been read."""

    rows: int
    dead: dict[int, str]  # records that cannot be used, and why
    groups: dict[Identity, list[int]]  # positions of the usable records, ascending
    ignored: list[int]  # positions of records that the configuration passes over

    def plain_times(self) -> npt.NDArray[np.int64]:
        """Event times of records in ms where they are plain to see, else `plain_times.NO_TIME`."""

    def timestamps(self, rows: Sequence[int]) -> Sequence[object]:
        """What some of the records say of their times."""

    def take(self, model: str, rows: npt.NDArray[np.int64]) -> Records:
        """Some records of a group."""

    def payload(self, row: int) -> bytes | None:
        """A record as it was written."""
