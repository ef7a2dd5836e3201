"""Field samples: of the records of a slide a few, chosen by hash, and the names of their fields.

Those whose hashes are the smallest are looked at, so which they are does not depend on batches, and a stream of many
records costs no more than one of few. One chunk for each pane of a model version, under a key of its own (`FIELDS` in
the place of the segment)::

    header   as of a chunk of codes (chunks.py), without signals; what names are compared with in the place of meanings
    sample   msgpack, `Sample`
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import SourcePlan
from operators.encoding import chunks
from operators.encoding.entries import Entry, Place
from operators.encoding.keys import monitor_key
from operators.quality.field_names import TABLES, FieldNames, limited, shown
from operators.reading.records import Identity, Records

FIELDS = "fields"  # no segment is called so: segments have an equals sign in them
LOOKED_AT = 16  # records of a slide; a new field in one of ten is then in one of them, nine slides in ten

Ints = npt.NDArray[np.int64]
Looked = tuple[int, int, int, int, int]  # hash, time, partition, offset or row, number of its names


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """Some records, with the names of their fields."""

    names: tuple[tuple[str, ...], ...] = ()
    records: tuple[Looked, ...] = ()


_decoder = msgspec.msgpack.Decoder(Sample)


def both(samples: Iterable[Sample]) -> Sample:
    """The records of a slide that are looked at, of those of its parts; of one hash the earliest."""
    chosen: dict[int, tuple[Looked, tuple[str, ...]]] = {}
    for sample in samples:
        for record in sample.records:
            before = chosen.get(record[0])
            if before is None or record[1:4] < before[0][1:4]:
                chosen[record[0]] = record, sample.names[record[4]]
    return _of([chosen[hash] for hash in sorted(chosen)[:LOOKED_AT]])


def _of(found: Sequence[tuple[Looked, tuple[str, ...]]]) -> Sample:
    numbers: dict[tuple[str, ...], int] = {}
    records = tuple((*record[:4], numbers.setdefault(names, len(numbers))) for record, names in found)
    return Sample(tuple(numbers), records)


def decode(parts: Sequence[bytes]) -> tuple[int, Sample]:
    """End of a pane, and the sample of it, from all chunks of it, at least one."""
    return chunks.header(parts[0])[3], both(_decoder.decode(memoryview(part)[chunks.HEADER.size :]) for part in parts)


class FieldSampler:
    """Looks at the fields of records of one source."""

    def __init__(self, source: SourcePlan, pane_ms: int) -> None:
        self._pane_ms = pane_ms
        self._names = None if source.format in TABLES else FieldNames(source)

    def chunks(
        self,
        records: Records,
        times_ms: Ints,
        whose: Identity,
        place: Place,
        slide_ms: int,
        meaning: int,
        line: Callable[[int], bytes | None],
    ) -> Iterator[Entry]:
        """A chunk for each pane of which records are looked at, standing on one of these.

        Parameters
        ----------
        records
            Of one model, version and role, at least one.
        times_ms : int64
            Event times of these records.
        place
            Of the batch.
        slide_ms
            Of the model.
        meaning
            Of what the names are compared with.
        line
            Gives a record of the batch as it was written.
        """
        columns = limited(map(shown, place.columns))
        panes: dict[int, list[tuple[int, Looked, tuple[str, ...]]]] = {}
        for at in _chosen(records, times_ms, place, slide_ms):
            row, time_ms = int(records.rows[at]), int(times_ms[at])
            names = columns if self._names is None else self._names.of(line(row))
            if names is not None:
                where = _where(place, row)
                looked = int(records.hashes[at]), time_ms, *where, 0
                panes.setdefault(time_ms // self._pane_ms, []).append((row, looked, names))
        for pane, found in sorted(panes.items()):
            data = msgspec.msgpack.encode(_of([(looked, names) for _, looked, names in found]))
            end_ms = (pane + 1) * self._pane_ms
            head = chunks.encode(end_ms, meaning, 0, 0, 0, len(found), b"", data)
            yield Entry(found[0][0], monitor_key(*whose, FIELDS), head, end_ms)


def _chosen(records: Records, times_ms: Ints, place: Place, slide_ms: int) -> Iterator[int]:
    first, last = (int(time_ms) // slide_ms for time_ms in (times_ms.min(), times_ms.max()))
    slides = None if first == last else times_ms // slide_ms
    for slide in [first] if slides is None else np.unique(slides).tolist():
        rows = np.arange(len(times_ms)) if slides is None else np.flatnonzero(slides == slide)
        rows = rows[_smallest(records.hashes[rows])]
        by = [(int(records.hashes[at]), int(times_ms[at]), *_where(place, int(records.rows[at])), at) for at in rows]
        seen: set[int] = set()
        for hash, *_, at in sorted(by):
            if hash not in seen and len(seen) < LOOKED_AT:
                seen.add(hash)
                yield int(at)


def _smallest(hashes: npt.NDArray[np.uint64]) -> Ints:
    """Positions of all records that have one of the smallest hashes."""
    if len(hashes) > 4 * LOOKED_AT:  # mostly a fraction of them is enough
        few = np.flatnonzero(hashes <= np.uint64(2**64 // len(hashes) * 3 * LOOKED_AT))
        if len(few) >= LOOKED_AT and len(bounds := np.unique(hashes[few])) >= LOOKED_AT:
            return np.asarray(few[hashes[few] <= bounds[LOOKED_AT - 1]], np.int64)
    bounds = np.unique(hashes)[:LOOKED_AT]
    return np.flatnonzero(hashes <= bounds[-1])


def _where(place: Place, row: int) -> tuple[int, int]:
    if place.topic is None:
        return 0, place.first_row + row
    return int(place.partitions[row]), int(place.offsets[row])
