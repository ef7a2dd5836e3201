"""Slices of the reference as bytes: counts by code of some of its records, on the codes of all of them.

::

    counts   of each signal in the profile's order: a number for each code of a value (bins; categories, then those
             beyond them), then the missing and the invalid ones, see leb128.py
    moments  of each numeric signal mean and sd, float64, little-endian
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from operators.encoding.codes import CODES, INVALID, MISSING, OTHER
from operators.sketches import leb128
from schemas.errors import ProfileError
from schemas.profile import CategoricalSignal, NumericSignal, Signal, Slice

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class SliceCodec:
    r"""Reads and writes the slices of a profile.

    Parameters
    ----------
    signals
        All of the profile, in its order.

    Examples
    --------
    >>> from schemas.profile import CategoricalSignal
    >>> plan = CategoricalSignal(
    ...     count=10, missing=1, invalid=0, categories=(("basic", 6), ("gold", 3)), rest=1, distinct=3)
    >>> codec = SliceCodec([plan])
    >>> counts = np.zeros((1, 256), np.int64)
    >>> counts[0, [1, MISSING]] = [300, 1]
    >>> packed = codec.pack(301, counts, np.empty((0, 2)))
    >>> packed.counts, codec.counts(packed)[0, [0, 1, OTHER, MISSING, INVALID]].tolist()
    (b'\x00\x00\xac\x02\x00\x00\x01\x00\x00', [0, 300, 0, 1, 0])
    """

    def __init__(self, signals: Sequence[Signal]) -> None:
        self._signals = len(signals)
        self._numeric = sum(isinstance(signal, NumericSignal) for signal in signals)
        cells = [CODES * position + code for position, signal in enumerate(signals) for code in _codes(signal)]
        self._cells = np.array(cells, np.int64)

    def pack(self, records: int, counts: Counts, moments: Floats) -> Slice:
        """Write a slice.

        Parameters
        ----------
        records
            That it has.
        counts : int64, shape (signals, 256)
            By code; codes that no record of a reference has are not written.
        moments : float64, shape (numeric signals, 2)
            Mean and sd; 0 where there is no value.
        """
        return Slice(
            records=records,
            counts=leb128.pack(counts.reshape(-1)[self._cells]),
            moments=np.ascontiguousarray(moments, "<f8").tobytes(),
        )

    def counts(self, packed: Slice) -> Counts:
        """Counts by code, shape (signals, 256).

        Raises
        ------
        ProfileError
            The bytes are not those of a slice of this profile.
        """
        numbers = np.zeros(len(self._cells), np.int64)
        read = leb128.unpack(packed.counts, numbers)
        if read != len(numbers) or len(packed.moments) != 16 * self._numeric:
            msg = f"a slice has {read} counts and {len(packed.moments) // 16} means for {len(numbers)} codes"
            raise ProfileError(msg)
        counts = np.zeros(self._signals * CODES, np.int64)
        counts[self._cells] = numbers
        return counts.reshape(-1, CODES)

    def moments(self, packed: Slice) -> Floats:
        """Mean and sd, shape (numeric signals, 2)."""
        return np.frombuffer(packed.moments, "<f8").astype(np.float64).reshape(-1, 2)


class Part(NamedTuple):
    """Some of the reference's records."""

    counts: Counts  # (signals, 256) by code, missing and invalid ones too
    means: Floats  # (numeric signals,)
    sds: Floats


class SliceReader:
    """Reads the slices of a profile on the codes of other signals of the same names.

    Those may be fewer, in another order, and name other categories: what they do not name is beyond those named.
    """

    def __init__(self, signals: Mapping[str, Signal], wanted: Mapping[str, Signal]) -> None:
        self._codec = SliceCodec(list(signals.values()))
        places = {name: row for row, name in enumerate(signals)}
        # Of signals that slices do not have nothing is known: the row after the last one is empty.
        self._rows = [places.get(name, len(places)) for name in wanted]
        numeric = {name: at for at, name in enumerate(n for n, s in signals.items() if isinstance(s, NumericSignal))}
        self._columns = [numeric.get(name, len(numeric)) for name, s in wanted.items() if isinstance(s, NumericSignal)]
        self._recoded = [
            (row, _places(signals[name], signal))
            for row, (name, signal) in enumerate(wanted.items())
            if isinstance(signal, CategoricalSignal) and signal is not signals[name]
        ]

    def read(self, packed: Slice) -> Part:
        """Counts and moments of a slice; ProfileError where its bytes are not those of one."""
        counts = _with_none(self._codec.counts(packed))[self._rows]
        moments = _with_none(self._codec.moments(packed))[self._columns]
        for row, places in self._recoded:
            there = counts[row].copy()
            counts[row] = 0
            np.add.at(counts[row], places, there)
        return Part(counts, moments[:, 0], moments[:, 1])


def _with_none(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Rows, and one of zeros after them."""
    return np.concatenate([rows, np.zeros_like(rows, shape=(1, rows.shape[1]))])


def _places(old: Signal, new: CategoricalSignal) -> npt.NDArray[np.int64]:
    """The new code of each old one."""
    assert isinstance(old, CategoricalSignal), "signals of one name have one type"
    codes = {name: code for code, (name, _) in enumerate(new.categories)}
    places = np.arange(CODES)
    places[: len(old.categories)] = [codes.get(name, OTHER) for name, _ in old.categories]
    return places


def _codes(signal: Signal) -> list[int]:
    """Codes that records of the reference may have."""
    if isinstance(signal, NumericSignal):
        return [*range(len(signal.counts)), MISSING, INVALID]
    return [*range(len(signal.categories)), OTHER, MISSING, INVALID]


def smoothed(counts: Counts, whole: Counts, least: int) -> Counts:
    """Counts by code of a sensitive signal that show no value with fewer records than may be told.

    Codes side by side are taken together until they have enough records, and these are shared out as the whole
    reference has them: what is told is a sum of enough records, and otherwise nothing but the whole.

    Parameters
    ----------
    counts, whole : int64, shape (codes,)
        Of the slice and of all records, for codes of values alone, in their order.
    least
        Fewest records; fewer in all are none.

    Examples
    --------
    >>> smoothed(np.array([1, 3, 0, 9]), np.array([30, 90, 0, 20]), 4).tolist()
    [1, 3, 0, 9]
    >>> smoothed(np.array([3, 1, 0, 9]), np.array([30, 90, 0, 20]), 4).tolist()
    [1, 3, 0, 9]
    """
    shared = np.zeros_like(counts)
    total = int(counts.sum())
    if total < least:
        return shared
    start = taken = 0
    for end in range(1, len(counts) + 1):
        held = int(counts[start:end].sum())
        if held >= least and total - taken - held >= least:
            shared[start:end] = _shared_out(held, whole[start:end])
            start, taken = end, taken + held
    shared[start:] = _shared_out(total - taken, whole[start:])
    return shared


def _shared_out(total: int, weights: Counts) -> Counts:
    """Whole numbers that add up to the total, each within one of its share."""
    below = np.cumsum(weights)
    ends: Counts = total * below // max(int(below[-1]), 1)
    return np.diff(ends, prepend=0)
