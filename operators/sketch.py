"""Sketches: the codes of a slide's records, counted; and the ring of those that windows are made of.

A small slide is kept as the codes themselves, a large one as counts, whichever takes fewer bytes. The ring is
a msgpack array of slides, oldest first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from operators import moments
from operators.codes import CODES
from operators.jit import kernel

Counts = npt.NDArray[np.int64]
_FEW = 2 * CODES  # records whose codes take no more bytes than counts of 16 bits


class Slide(msgspec.Struct, array_like=True):
    """Records of one key in one slide."""

    end_ms: int
    records: int = 0
    form: Literal["codes", "u2", "u4"] = "codes"
    data: bytes = b""
    sums: bytes = b""  # int64 (numeric signals, 4), see moments.py; empty for no records

    def fold(self, codes: npt.NDArray[np.uint8], sums: npt.NDArray[np.int64]) -> None:
        """Count a pane's records as well.

        Parameters
        ----------
        codes : uint8, shape (records, signals), C-contiguous
        sums : int64, shape (numeric signals, 4)
        """
        signals = codes.shape[1]
        total = self.records + len(codes)
        if self.sums:
            sums = sums.copy()
            moments.add(sums, np.frombuffer(self.sums, np.int64).reshape(sums.shape))
        self.sums = sums.tobytes()
        if total <= _FEW:
            self.data += codes.tobytes()
        else:
            counts = np.zeros((signals, CODES), np.int64)
            self.count_into(counts)
            _count(codes, counts)
            self.form = "u2" if counts.max() < 1 << 16 else "u4"
            self.data = counts.astype("<" + self.form).tobytes()
        self.records = total

    def count_into(self, counts: Counts) -> None:
        """Add the slide's counts by code to ``counts``, shape (signals, 256)."""
        if not self.records:
            return
        if self.form == "codes":
            _count(np.frombuffer(bytearray(self.data), np.uint8).reshape(self.records, -1), counts)
        else:
            counts += np.frombuffer(self.data, "<" + self.form).reshape(counts.shape)

    def sums_into(self, sums: npt.NDArray[np.int64]) -> None:
        """Add the slide's sums to ``sums``, shape (numeric signals, 4)."""
        if self.sums:
            moments.add(sums, np.frombuffer(self.sums, np.int64).reshape(sums.shape))


class Ring(msgspec.Struct):
    """The newest slides of a key that had records, oldest first."""

    slides: list[Slide] = []

    def push(self, slide: Slide, size_ms: int, grow_to_ms: int, min_count: int) -> None:
        """Take in a slide, and let go of those that no later window can reach.

        A window is never grown beyond the slide with which it has ``min_count`` records, so older ones can go.
        """
        if slide.records:
            self.slides.append(slide)
        limit = slide.end_ms - max(size_ms, grow_to_ms)
        count = 0
        for position in range(len(self.slides) - 1, -1, -1):
            kept = self.slides[position]
            if kept.end_ms <= limit or (kept.end_ms <= slide.end_ms - size_ms and count >= min_count):
                del self.slides[: position + 1]
                break
            count += kept.records

    def window(self, end_ms: int, size_ms: int, min_count: int) -> tuple[list[Slide], int]:
        """Slides of the window that ends at ``end_ms``, and how many of its records lie within ``size_ms``.

        Where those are fewer than ``min_count``, older slides are taken until there are enough or none is left.
        """
        within = [s for s in self.slides if s.end_ms > end_ms - size_ms]
        count = sum(s.records for s in within)
        window, total = list(within), count
        for older in reversed(self.slides[: len(self.slides) - len(within)]):
            if total >= min_count:
                break
            window.insert(0, older)
            total += older.records
        return window, count


_decoder = msgspec.msgpack.Decoder(list[Slide])


def pack(ring: Ring) -> bytes:
    """Bytes of a ring."""
    return msgspec.msgpack.encode(ring.slides)


def unpack(data: bytes) -> Ring:
    """The ring that `pack` made into bytes; no bytes, an empty one."""
    return Ring(_decoder.decode(data) if data else [])


def total(slides: Iterable[Slide], signals: int, numeric: int) -> tuple[Counts, npt.NDArray[np.int64]]:
    """Counts by code and sums over slides: shapes (signals, 256) and (numeric, 4)."""
    counts, sums = np.zeros((signals, CODES), np.int64), moments.empty(numeric)
    for slide in slides:
        slide.count_into(counts)
        slide.sums_into(sums)
    return counts, sums


@kernel
def _count(codes, counts):  # type: ignore[no-untyped-def]
    for i in range(codes.shape[0]):
        for s in range(codes.shape[1]):
            counts[s, codes[i, s]] += 1
