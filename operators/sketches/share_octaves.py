"""Octaves of shares: how closely records of a kind follow each other, learned while they pass.

As octaves.py does for values, of 1 for a record of the kind and 0 for others. Most records are not: so an octave is
looked at when there is one, and pairs in which there was none are told by the number of records alone.

State of a share: the number of its records, and one row of float64 for each octave, see the columns below. Bytes: the
numbers, int64 of all shares; which had a record of the kind, a byte each; the rows of these.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from operators.jit import kernel, part
from operators.sketches.octaves import CUT, CUT_FROM, KEPT, LENGTHS
from schemas.errors import StateVersionError

FIELDS = 4  # columns of an octave's row; their order is part of the state format
# The pair that had the newest record of the kind; how many its first half had, and its second; squares of the pairs
# before it.
PAIR, FIRST, SECOND, TOTAL = range(FIELDS)

NEITHER, OTHER, KIND = range(3)  # what a code is: of a record that does not carry the field, of another, of the kind
MANY = 8  # records of the kind, of a sum, from which it is near normal: then squares that are far off are cut

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Kinds = npt.NDArray[np.uint8]


class Shares:
    """State of so many shares."""

    def __init__(self, shares: int) -> None:
        self.records: Ints = np.zeros(shares, np.int64)
        self.rows: Floats = np.zeros((shares, LENGTHS, FIELDS))

    def pack(self) -> bytes:
        """The bytes, from which `unpack` makes it again."""
        some = self.rows.any(axis=(1, 2))
        return b"".join([self.records.tobytes(), some.tobytes(), self.rows[some].tobytes()])


def unpack(data: bytes, shares: int) -> Shares:
    """State from its bytes; of none, that before the first record.

    Raises
    ------
    StateVersionError
        The bytes are not the state of so many shares.
    """
    found = Shares(shares)
    if not data:
        return found
    head = 9 * shares
    some = np.frombuffer(data[8 * shares : head], np.bool_)
    if len(some) != shares or len(data) != head + int(some.sum()) * LENGTHS * FIELDS * 8:
        message = f"state of shares: {len(data)} bytes are not those of {shares}; restore another savepoint"
        raise StateVersionError(message)
    found.records = np.frombuffer(data[: 8 * shares], np.int64).copy()
    found.rows[some] = np.frombuffer(data[head:]).reshape(-1, LENGTHS, FIELDS)
    return found


def follow(state: Shares, codes: npt.NDArray[np.uint8], signals: Ints, kinds: Kinds, shares: Floats) -> None:
    """Let records pass; ``state`` is updated in place.

    Parameters
    ----------
    state
    codes : uint8, shape (records, signals), C-contiguous
        In the order of time.
    signals : int64, shape (shares,)
        Whose codes tell of each share.
    kinds : uint8, shape (shares, 256)
        What each code is: `NEITHER`, `OTHER` or `KIND`.
    shares : float64, shape (shares,)
        Of the records of the reference that are of the kind, in (0, 1).

    Examples
    --------
    >>> state, kinds = Shares(1), np.full((1, 256), OTHER, np.uint8)
    >>> kinds[0, 255] = KIND
    >>> follow(state, np.array([[0], [0], [255], [0]], np.uint8), np.array([0]), kinds, np.array([0.5]))
    >>> pairs, total = squares(state, np.array([0.5]))
    >>> pairs[0, :2].tolist(), total[0, :2].tolist()  # one of two pairs differs: 1 / 2 over the variance 1 / 4
    ([2.0, 1.0], [2.0, 1.0])
    """
    _follow(state.rows, state.records, codes, signals, kinds, *_by_share(shares))


def squares(state: Shares, shares: Floats) -> tuple[Floats, Floats]:
    """Pairs that were compared, and the sum of their squares; both of shape (shares, LENGTHS)."""
    rows, pairs = state.rows.copy(), np.empty(state.rows.shape[:2])
    _settle(rows, state.records, pairs, *_by_share(shares))
    return pairs, np.ascontiguousarray(rows[:, :, TOTAL])


def warm() -> None:
    """Compile what is needed."""
    state = Shares(1)
    follow(state, np.zeros((1, 1), np.uint8), np.zeros(1, np.int64), np.full((1, 256), KIND, np.uint8), np.full(1, 0.5))
    squares(state, np.full(1, 0.5))


def _by_share(shares: Floats) -> tuple[Floats, Ints]:
    """One over the variance of each share's records, and the first octave that is cut."""
    rarer = np.minimum(shares, 1 - shares)
    first = np.maximum(np.ceil(np.log2(MANY / rarer)), CUT_FROM).astype(np.int64)
    return 1 / (shares * (1 - shares)), first


@part
def _halvings(pairs):  # type: ignore[no-untyped-def]
    """How often those of before have been halved when so many have been compared."""
    kept = np.int64(KEPT)
    return 0 if pairs <= kept else 1 + (pairs - kept - 1) // (kept // 2)


@part
def _kept(pairs):  # type: ignore[no-untyped-def]
    """For how many they count."""
    kept = np.int64(KEPT)
    return pairs if pairs <= kept else kept // 2 + 1 + (pairs - kept - 1) % (kept // 2)


@part
def _go_on(rows, row, octave, pair, scale, cut):  # type: ignore[no-untyped-def]
    """Go on to a later pair: the one that there was is over."""
    old = np.int64(rows[row, octave, PAIR])
    apart = rows[row, octave, FIRST] - rows[row, octave, SECOND]
    total = rows[row, octave, TOTAL]
    if apart != 0.0:
        square = apart * apart * scale / (2.0 * 2.0**octave)
        if octave >= cut:
            # As if there had been one as of independent records; and as large as in the octave before, since runs that
            # are rare and long show in few pairs of any.
            usual = max(1.0, (total + 1.0) / (_kept(old) + 1.0))
            below = np.int64(rows[row, octave - 1, PAIR])
            if below > 0:
                usual = max(usual, rows[row, octave - 1, TOTAL] / _kept(below))
            square = min(square, CUT * usual)
        total = total * 0.5 ** (_halvings(old + 1) - _halvings(old)) + square
        old += 1
    rows[row, octave, TOTAL] = total * 0.5 ** (_halvings(pair) - _halvings(old))
    rows[row, octave, PAIR], rows[row, octave, FIRST], rows[row, octave, SECOND] = pair, 0.0, 0.0


@kernel
def _follow(rows, records, codes, signals, kinds, scales, cuts):  # type: ignore[no-untyped-def]
    for row in range(rows.shape[0]):
        signal, at = signals[row], records[row]
        for i in range(codes.shape[0]):
            kind = kinds[row, codes[i, signal]]
            if kind == KIND:
                for octave in range(LENGTHS):
                    pair = at >> (octave + 1)
                    if np.int64(rows[row, octave, PAIR]) != pair:
                        _go_on(rows, row, octave, pair, scales[row], cuts[row])
                    rows[row, octave, SECOND if (at >> octave) & 1 else FIRST] += 1.0
            if kind != NEITHER:
                at += 1
        records[row] = at


@kernel
def _settle(rows, records, pairs, scales, cuts):  # type: ignore[no-untyped-def]
    for row in range(rows.shape[0]):
        for octave in range(LENGTHS):
            pair = records[row] >> (octave + 1)
            if np.int64(rows[row, octave, PAIR]) != pair:
                _go_on(rows, row, octave, pair, scales[row], cuts[row])
            pairs[row, octave] = _kept(pair)
