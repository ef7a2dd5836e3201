"""Sketches: the codes of a slide's records, counted; and the ring of those that windows are made of.

A small slide is kept as the codes themselves, a large one as counts, whichever takes fewer bytes. The ring is
a msgpack array of slides, oldest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from operators import moments
from operators.codes import CODES
from operators.jit import kernel
from operators.unnamed import Names, merged

Counts = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8]
_FEW = 2 * CODES  # records whose codes take no more bytes than counts of 16 bits


class Slide(msgspec.Struct, array_like=True):
    """Records of one key in one slide."""

    end_ms: int
    records: int = 0
    form: Literal["codes", "u2", "u4"] = "codes"
    data: bytes = b""
    sums: bytes = b""  # int64 (numeric signals, 5), see moments.py; empty for no records
    names: Names = {}  # of values without a name in the reference, a sample

    def fold(self, codes: Codes, sums: Counts, names: Names | None = None) -> None:
        """Count a pane's records as well.

        Parameters
        ----------
        codes : uint8, shape (records, signals), C-contiguous
        sums : int64, shape (numeric signals, 5)
        names
            Of values without a name in the reference, by position of the signal.
        """
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
            self.form = "u2" if counts.max() < 1 << 16 else "u4"
            self.data = counts.astype("<" + self.form).tobytes()
        self.records = total

    def row(self, position: int, signals: int) -> Counts:
        """Counts by code of one of so many signals, shape (256,)."""
        if self.form == "codes":
            codes = np.frombuffer(self.data, np.uint8).reshape(self.records, signals)
            return np.asarray(np.bincount(codes[:, position], minlength=CODES), np.int64)
        counts = np.frombuffer(self.data, "<" + self.form).reshape(signals, CODES)
        return np.asarray(counts[position], np.int64)


class Ring(msgspec.Struct):
    """The newest slides of a key that had records, oldest first."""

    slides: list[Slide] = []

    def push(self, slide: Slide, size_ms: int, grow_to_ms: int, min_count: int) -> None:
        """Take in a slide with records, and let go of those that no later window can reach.

        A window is never grown beyond the slide with which it has ``min_count`` records, so older ones can go.
        """
        self.slides.append(slide)
        limit_ms = slide.end_ms - max(size_ms, grow_to_ms)
        records = 0
        for position in range(len(self.slides) - 1, -1, -1):
            kept = self.slides[position]
            if kept.end_ms <= limit_ms or (kept.end_ms <= slide.end_ms - size_ms and records >= min_count):
                del self.slides[: position + 1]
                break
            records += kept.records

    def window(self, end_ms: int, size_ms: int, grow_to_ms: int, min_count: int) -> list[Slide]:
        """Slides of the window that ends at ``end_ms``, oldest first.

        Where those within ``size_ms`` have fewer than ``min_count`` records, older ones are taken until there are
        enough, none is left, or they are older than ``grow_to_ms``. A key that has been silent for ``size_ms``, and
        for longer than the slides that would be taken span, has fallen silent: its window is empty.
        """
        limit_ms = end_ms - max(size_ms, grow_to_ms)
        taken: list[Slide] = []
        records = 0
        for slide in reversed(self.slides):
            if slide.end_ms <= end_ms - size_ms and (slide.end_ms <= limit_ms or records >= min_count):
                break
            taken.append(slide)
            records += slide.records
        if taken:
            silence_ms = end_ms - taken[0].end_ms
            if silence_ms >= size_ms and silence_ms > taken[0].end_ms - taken[-1].end_ms:
                return []
        return taken[::-1]

    def ago(self, records: float, slide_ms: int) -> int | None:
        """When the key had so many records less than at the end of the newest slide; None: before the ring begins.

        The records of a slide are taken as evenly spread over its ``slide_ms``.
        """
        for slide in reversed(self.slides):
            if records <= slide.records:
                return slide.end_ms - round(slide_ms * records / slide.records)
            records -= slide.records
        return None


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
            counts += np.frombuffer(slide.data, "<" + slide.form).reshape(counts.shape)
    return counts


def sums(slides: Iterable[Slide], numeric: int) -> Counts:
    """Sums over slides, shape (numeric signals, 5), see moments.py."""
    found = moments.empty(numeric)
    for slide in slides:
        if slide.sums:
            moments.add(found, np.frombuffer(slide.sums, np.int64).reshape(found.shape))
    return found


@kernel
def _count(codes: Codes, counts: Counts) -> None:
    for i in range(codes.shape[0]):
        for s in range(codes.shape[1]):
            counts[s, codes[i, s]] += 1
