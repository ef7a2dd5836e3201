"""Sketches: the codes of a slide's records, counted; and the ring of those that windows are made of.

A small slide is kept as the codes themselves, a larger one as counts, see leb128.py. The ring is
a msgpack array of slides, oldest first. It has levels: older slides are merged, the longer the older, so that a span of
any length takes a number of slides that grows with its logarithm.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from operators.encoding.codes import CODES
from operators.encoding.unnamed import Names, merged
from operators.jit import kernel
from operators.relations import correlations
from operators.sketches import drawn, leb128, moments
from schemas.errors import StateVersionError

Counts = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8]
_FEW = 2 * CODES  # records whose codes take hardly more bytes than their counts, and less work
# Slides of each length that a ring keeps, and twice as many of one slide. With fewer, windows begin less exactly: up to
# 1/LEVEL of their length too early. With more, state grows: twice as many, nearly twice the bytes.
LEVEL = 32


class Slide(msgspec.Struct, array_like=True):
    """Records of one key in one slide."""

    end_ms: int
    records: int = 0
    form: Literal["codes", "counts"] = "codes"
    data: bytes = b""
    sums: bytes = b""  # int64 (numeric signals, 5), see moments.py; empty for no records
    names: Names = {}  # of values without a name in the reference, a sample
    span_ms: int = 0  # of several that were merged, from the start of the first; 0: of one
    outside: list[int] = []  # values out of the range of each feature that has one; none where there are none
    relations: bytes = (
        b""  # sums of products of features, see relations/correlations.py; none where they are not watched
    )
    classified: list[int] = []  # what a domain classifier said of some, see relations/domain_classifier.py
    by_class: list[int] = []  # values of features by predicted class, see monitoring/class_counts.py; none: not counted
    drawn: bytes = b""  # some of the records, see drawn.py; none where no slices are searched

    def start_ms(self, slide_ms: int) -> int:
        """When it began, if slides are so long."""
        return self.end_ms - (self.span_ms or slide_ms)

    def until(self, end_ms: int, slide_ms: int) -> Slide:
        """The same records, of a slide of which only the part up to ``end_ms`` has passed."""
        return msgspec.structs.replace(self, end_ms=end_ms, span_ms=end_ms - self.start_ms(slide_ms))

    def fold(self, codes: Codes, sums: Counts, names: Names | None = None, outside: Sequence[int] = ()) -> None:
        """Count a pane's records as well.

        Parameters
        ----------
        codes : uint8, shape (records, signals), C-contiguous
        sums : int64, shape (numeric signals, 5)
        names
            Of values without a name in the reference, by position of the signal.
        outside
            Values out of the range of each feature that has one; none where there are none.
        """
        self.outside = added(self.outside, outside)
        if names:
            self.names = merged((self.names, names))
        total = self.records + len(codes)
        if self.sums:
            sums = sums.copy()
            moments.add(sums, np.frombuffer(self.sums, np.int64).reshape(sums.shape))
        self.sums = sums.tobytes()
        if total <= _FEW:
            self.data += codes.tobytes()
        else:
            counts = count([self], codes.shape[1])
            _count(codes, counts)
            self.form, self.data = "counts", leb128.pack(counts.reshape(-1))
        self.records = total

    def row(self, position: int, signals: int) -> Counts:
        """Counts by code of one of so many signals, shape (256,)."""
        if self.form == "codes":
            codes = np.frombuffer(self.data, np.uint8).reshape(self.records, signals)
            return np.asarray(np.bincount(codes[:, position], minlength=CODES), np.int64)
        found: Counts = _counts(self, signals)[position]
        return found


class Ring(msgspec.Struct):
    """The newest slides of a key that had records, oldest first."""

    slides: list[Slide] = []

    def push(self, slide: Slide, size_ms: int, grow_to_ms: int, min_count: int, previous_ms: int = 0) -> None:
        """Take in a slide with records, and let go of those that no later window can reach, nor the span before it.

        A window is never grown beyond the slide with which it has ``min_count`` records, so older ones can go.
        """
        self.slides.append(slide)
        first = self._first(len(self.slides), slide.end_ms, size_ms, grow_to_ms, min_count)
        if previous_ms and first:
            before_ms = min(slide.end_ms - size_ms, self.slides[first - 1].end_ms)
            first = self._first(first, before_ms, previous_ms, grow_to_ms, min_count)
        del self.slides[:first]

    def window(self, end_ms: int, size_ms: int, grow_to_ms: int, min_count: int) -> list[Slide]:
        """Slides of the window that ends at ``end_ms``, oldest first.

        Where those within ``size_ms`` have fewer than ``min_count`` records, older ones are taken until there are
        enough, none is left, or they are older than ``grow_to_ms``. Of a merged slide all is taken or nothing. A key
        that has been silent for ``size_ms``, and for longer than the slides that would be taken span, has fallen
        silent: its window is empty.
        """
        found = self.slides[self._first(len(self.slides), end_ms, size_ms, grow_to_ms, min_count) :]
        if found:
            silence_ms = end_ms - found[-1].end_ms
            if silence_ms >= size_ms and silence_ms > found[-1].end_ms - found[0].end_ms:
                return []
        return found

    def before(self, start_ms: int, previous_ms: int, grow_to_ms: int, min_count: int) -> list[Slide]:
        """Slides of the span of ``previous_ms`` before a window that starts then, which grows like one."""
        older = Ring([slide for slide in self.slides if slide.end_ms <= start_ms])
        return older.window(start_ms, previous_ms, grow_to_ms, min_count)

    def _first(self, stop: int, end_ms: int, size_ms: int, grow_to_ms: int, min_count: int) -> int:
        """Position of the oldest slide, of those before ``stop``, in the window that ends at ``end_ms``."""
        newest_first = ((slide.end_ms, slide.records) for slide in reversed(self.slides[:stop]))
        return stop - taken(newest_first, end_ms, size_ms, grow_to_ms, min_count)

    def coarsen(self, slide_ms: int, signals: int) -> None:
        """Merge slides that are old: two, four, eight ... into one.

        What is merged depends on event times alone: a slide of 2^l lengths covers a multiple of them since 1970, and is
        made when its end is LEVEL such lengths older than the newest slide.
        """
        now_ms = self.slides[-1].end_ms
        if self.slides[0].end_ms > now_ms - 2 * LEVEL * slide_ms:
            return
        groups: list[list[Slide]] = []
        block_ms = None
        for slide in self.slides:
            length_ms = slide_ms
            while _block(slide.end_ms, 2 * length_ms) <= now_ms - LEVEL * 2 * length_ms:
                length_ms *= 2
            if length_ms > slide_ms and _block(slide.end_ms, length_ms) == block_ms:
                groups[-1].append(slide)
            else:
                groups.append([slide])
            block_ms = _block(slide.end_ms, length_ms)
        if len(groups) < len(self.slides):
            self.slides = [together(group, slide_ms, signals) if len(group) > 1 else group[0] for group in groups]

    def ago(self, records: float, slide_ms: int) -> int | None:
        """When the key had so many records less than at the end of the newest slide; None: before the ring begins.

        The records of a slide are taken as evenly spread over its length, ``slide_ms`` where it was not merged.
        """
        for slide in reversed(self.slides):
            if records <= slide.records:
                return slide.end_ms - round((slide.end_ms - slide.start_ms(slide_ms)) * records / slide.records)
            records -= slide.records
        return None


def taken(newest_first: Iterable[tuple[int, int]], end_ms: int, size_ms: int, grow_to_ms: int, min_count: int) -> int:
    """How many slides are in the window that ends at ``end_ms``, of ends and records from the newest one on.

    >>> taken([(50, 2), (40, 2), (30, 2), (20, 2), (10, 2)], 50, 20, 40, 5)
    3
    """
    limit_ms = end_ms - max(size_ms, grow_to_ms)
    many = found = 0
    for slide_end_ms, records in newest_first:
        if slide_end_ms <= end_ms - size_ms and (slide_end_ms <= limit_ms or found >= min_count):
            break
        many, found = many + 1, found + records
    return many


def most_slides(span_ms: int, slide_ms: int) -> tuple[int, int]:
    """Slides that a span takes at most: of those that are not merged, and of those that are.

    >>> most_slides(3_600_000, 300_000), most_slides(7 * 86_400_000, 300_000), most_slides(28 * 86_400_000, 300_000)
    ((12, 0), (66, 167), (66, 235))
    """
    slides = -(-span_ms // slide_ms)
    single = min(slides, 2 * LEVEL + 2)
    left, length, merged = slides - 2 * LEVEL, 2, 0
    while left > 0:
        merged += min(LEVEL + 2, -(-left // length))
        left -= LEVEL * length
        length *= 2
    return single, merged


def _block(end_ms: int, length_ms: int) -> int:
    """End of the multiple of a length that a slide lies in."""
    return -(-end_ms // length_ms) * length_ms


def together(slides: Sequence[Slide], slide_ms: int, signals: int) -> Slide:
    """Several slides, at least one, as one; `slide_ms` is the length of those that are not merged yet."""
    first, last = slides[0], slides[-1]
    total = Slide(last.end_ms, sum(slide.records for slide in slides), span_ms=last.end_ms - first.start_ms(slide_ms))
    total.sums = sums(slides, len(first.sums) // (8 * moments.FIELDS)).tobytes()
    total.names = merged(slide.names for slide in slides)
    total.outside = outside(slides)
    total.classified = summed(slide.classified for slide in slides)
    total.by_class = summed(slide.by_class for slide in slides)
    total.drawn = drawn.together([slide.drawn for slide in slides], signals)
    total.relations = correlations.added([slide.relations for slide in slides])
    if total.records <= _FEW:
        total.data = b"".join(slide.data for slide in slides)
    else:
        total.form, total.data = "counts", leb128.pack(count(slides, signals).reshape(-1))
    return total


_decoder = msgspec.msgpack.Decoder(list[Slide])


def pack(ring: Ring) -> bytes:
    """Bytes of a ring."""
    return msgspec.msgpack.encode(ring.slides)


def unpack(data: bytes) -> Ring:
    """The ring that `pack` made into bytes; no bytes, an empty one."""
    return Ring(_decoder.decode(data) if data else [])


def count(slides: Sequence[Slide], signals: int) -> Counts:
    """Counts by code over slides, shape (signals, 256)."""
    counts = np.zeros((signals, CODES), np.int64)
    small = [slide.data for slide in slides if slide.form == "codes"]
    if small:  # all at once: a grown window has thousands of them
        _count(np.frombuffer(bytearray().join(small), np.uint8).reshape(-1, signals), counts)
    for slide in slides:
        if slide.form != "codes":
            counts += _counts(slide, signals)
    return counts


def _counts(slide: Slide, signals: int) -> Counts:
    found = np.zeros((signals, CODES), np.int64)
    if leb128.unpack(slide.data, found.reshape(-1)) != found.size:
        message = f"slides: {len(slide.data)} bytes are not counts of {signals} signals; restore another savepoint"
        raise StateVersionError(message)
    return found


def sums(slides: Iterable[Slide], numeric: int) -> Counts:
    """Sums over slides, shape (numeric signals, 5), see moments.py."""
    found = moments.empty(numeric)
    for slide in slides:
        if slide.sums:
            moments.add(found, np.frombuffer(slide.sums, np.int64).reshape(found.shape))
    return found


def outside(slides: Iterable[Slide]) -> list[int]:
    """Values out of the range of each feature that has one, over slides; none where there are none."""
    return summed(slide.outside for slide in slides)


def summed(lists: Iterable[Sequence[int]]) -> list[int]:
    """Lists of numbers added up one by one; those without any say nothing."""
    found: list[int] = []
    for each in lists:
        found = added(found, each)
    return found


def added(one: Sequence[int], other: Sequence[int]) -> list[int]:
    """Numbers added up one by one, where there are any."""
    return [a + b for a, b in zip(one, other, strict=True)] if one and other else list(one or other)


@kernel
def _count(codes: Codes, counts: Counts) -> None:
    for i in range(codes.shape[0]):
        for s in range(codes.shape[1]):
            counts[s, codes[i, s]] += 1
