"""What decode gives out of a batch: chunks, letters and counts, each for a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec


class Place(msgspec.Struct, frozen=True):
    """Where a batch's records come from: a topic's partitions and offsets, or rows of the source's files."""

    topic: str | None = None
    partitions: Sequence[int] = ()
    offsets: Sequence[int] = ()
    path: str | None = None
    first_row: int = 0
    columns: Sequence[str] = ()  # of a table, all that its file has
    arrived_ms: Sequence[int] = ()  # the broker's times, where records have their own; else none

    def of(self, row: int) -> dict[str, Any]:
        """Fields of a dead letter that say where record ``row`` of the batch stood."""
        if self.topic is not None:
            return {"topic": self.topic, "partition": int(self.partitions[row]), "offset": int(self.offsets[row])}
        return {"path": self.path, "row": self.first_row + row}


class Counts(msgspec.Struct, kw_only=True):
    """What became of records; ``read = used + dead + late``, and `ignored` are those used of unknown models."""

    read: int = 0
    used: int = 0
    dead: int = 0
    late: int = 0
    ignored: int = 0

    def add(self, other: Counts) -> None:
        """Count the records of another batch as well."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class LabelCounts(msgspec.Struct, kw_only=True):
    """What became of labels; ``read`` is the sum of the others, but for those that wait for their prediction."""

    read: int = 0
    matched: int = 0  # were the first for a prediction, or for several of one id
    duplicate: int = 0  # all predictions of the id had one
    orphan: int = 0  # no prediction of the id was there
    overdue: int = 0  # the outcomes of all predictions of the id were settled, as `keep: last` and `absent` do
    ignored: int = 0  # of models that are not watched, or not in the sample
    dead: int = 0
    late: int = 0

    def add(self, other: LabelCounts) -> None:
        """Count other labels as well."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def __bool__(self) -> bool:
        return any(msgspec.structs.astuple(self))


class Batch(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a batch of a source had: the counts, and the newest event time of each model."""

    counts: Counts
    newest_ms: dict[str, int]
    # Of models that ask for retraining, by end of slide: offsets of the first of its champions' records and after the
    # last by partition, and how many of them carry a label that no join looks for.
    offsets: dict[str, dict[int, dict[int, tuple[int, int]]]] = {}
    labelled: dict[str, dict[int, int]] = {}


class Entry(msgspec.Struct, frozen=True):
    """Something for a key, standing on a record of the batch."""

    row: int
    key: str
    data: bytes
    pane_end_ms: int | None = None  # chunks only
