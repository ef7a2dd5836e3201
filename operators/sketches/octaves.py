"""Octaves: how closely a stream's values follow each other, learned while it passes.

For lengths l of 1, 2, 4, ... values the sums of l values are compared with the sums of the l values after them. Of
independent values half the square of the difference is l times their variance; over that, the mean of many is the
variance of the octave l (Allan 1966, doi:10.1109/PROC.1966.4634; Percival & Walden 2000, Wavelet Methods for Time
Series Analysis, 8.1, with the Haar wavelet). From these follows tau, the variance of a mean of l values over that of
independent ones: tau(l) = (octave(l) + tau(2 l)) / 2. A change of level that lasts is one difference among many, and
one that is far larger than those before it is cut.

State of a stream of values: one row of float64 for each octave, see the columns below.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from operators.jit import kernel
from schemas.errors import StateVersionError

LENGTHS = 20  # octaves: of sums of up to half a million values. Fewer: slow cycles are not seen; more cost bytes
FIELDS = 4  # columns of an octave's row; their order is part of the state format
PAIRS, TOTAL, SUM, OPEN = range(
    FIELDS
)  # pairs compared; of their squares; the sum that waits for its pair; 1: there is

CUT = 9.0  # times the mean: a square beyond it counts as so much. Less: is too small; more: a drift looks like tau
CUT_FROM = 6  # the first octave that is cut: of 64 rare values sums are near normal, and fewer hold no drift
KEPT = 4_096.0  # pairs, at which those before count half: what was long ago is forgotten
KNOWN = 16  # pairs from which an octave says something
CLEAR = 4.5  # standard errors from which dependence is taken for real, as of a profile's
FEW = 8  # octaves, below which what they lack of the reference's variance is thought to be in the longer ones
RISING = 1.4  # of two octaves over the two before, from which tau is thought to rise further with the length
MARGIN = 2.0  # standard errors that are added to what is found

_SUMS = 2.0 ** np.arange(LENGTHS)  # values in the sums of each octave

Floats = npt.NDArray[np.float64]


def start(streams: int) -> Floats:
    """State of so many streams of values before the first."""
    return np.zeros((streams, LENGTHS, FIELDS))


def unpack(data: bytes, streams: int) -> Floats:
    """State from its bytes; of none, that before the first value.

    Raises
    ------
    StateVersionError
        The bytes are not the state of so many streams.
    """
    if not data:
        return start(streams)
    if len(data) != streams * LENGTHS * FIELDS * 8:
        message = f"state of octaves: {len(data)} bytes are not those of {streams} streams; restore another savepoint"
        raise StateVersionError(message)
    return np.frombuffer(data).reshape(streams, LENGTHS, FIELDS).copy()


def follow(state: Floats, codes: npt.NDArray[np.uint8], signals: npt.NDArray[np.int64], values: Floats) -> None:
    """Let records pass; ``state`` is updated in place.

    Parameters
    ----------
    state : float64, shape (streams, LENGTHS, FIELDS)
    codes : uint8, shape (records, signals), C-contiguous
        In the order of time.
    signals : int64, shape (streams,)
        Whose codes each stream is made of.
    values : float64, shape (streams, 256)
        By code, with the mean 0 and the variance 1 under the reference; NaN for what is no value.

    Examples
    --------
    >>> state = start(1)
    >>> values = np.full((1, 256), np.nan)
    >>> values[0, :2] = -1.0, 1.0
    >>> follow(state, np.array([[0], [0], [1], [1], [7]], np.uint8), np.array([0]), values)
    >>> state[0, :2, TOTAL].tolist()  # no difference in the two pairs of values; 4 in the one of two: 4^2 / 4
    [0.0, 4.0]
    """
    _follow(state, codes, signals, values)


def warm() -> None:
    """Compile what `follow` needs."""
    follow(start(1), np.zeros((1, 1), np.uint8), np.zeros(1, np.int64), np.zeros((1, 256)))


def curves_of(all_pairs: Floats, totals: Floats, odds: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Tau by length, of 2, 4, 8, ... values, and whether there is any dependence; with a margin for what is not known.

    Where the longest octaves that are known still rise, tau is thought to go on rising as fast.

    Parameters
    ----------
    all_pairs, totals : float64, shape (streams, LENGTHS)
        Pairs that were compared, and the sums of their squares.
    odds : float64, shape (streams,)
        How much a value's square tells, in those of a normal one: four times the variance of what is 0 or 1.

    Returns
    -------
    float64, shape (streams, LENGTHS), and bool, shape (streams,)
        At least 1, never falling; 1 where no dependence was found.
    """
    found, clear = np.ones((len(all_pairs), LENGTHS)), np.zeros(len(all_pairs), np.bool_)
    for row, (pairs, total, one) in enumerate(zip(all_pairs, totals, odds.tolist(), strict=True)):
        telling = pairs * np.minimum(1.0, one * _SUMS)
        known = int((telling >= KNOWN).sum())
        if known < 2:
            continue
        octaves = total[:known] / pairs[:known]
        # All octaves together are the variance: where that has grown, it is not because values follow each other.
        parts = 0.5 ** np.arange(1, known + 1)
        octaves /= max(1.0, float((parts * octaves).sum() / parts.sum()))
        low, high = _bounds(telling[:known])
        clear[row] = bool(((octaves < low) | (octaves > high)).any())
        if clear[row]:
            found[row] = _curve(octaves, pairs[:known], one)
    return found, clear


def _bounds(pairs: Floats) -> tuple[Floats, Floats]:
    """Between which an octave of independent values is (Wilson & Hilferty's chi-square)."""
    part = 2 / (9 * pairs)
    middle, error = 1 - part, CLEAR * np.sqrt(part)
    return np.maximum(middle - error, 0.0) ** 3, (middle + error) ** 3


def _curve(octaves: Floats, pairs: Floats, odds: float) -> Floats:
    known = len(octaves)
    growth = 1.0
    if known >= 4:
        newest, before = _mean(octaves[-2:], pairs[-2:]), _mean(octaves[-4:-2], pairs[-4:-2])
        if newest > RISING * before:
            growth = min(2.0, float(np.sqrt(newest / max(before, 1e-9))))
    else:
        growth = 2.0
    # What is not known yet: as the longest that are, or rising on.
    top = _mean(octaves[-2:], pairs[-2:])
    lacking = 2.0**known - float((2.0 ** np.arange(known - 1, -1, -1) * octaves).sum())
    if known < FEW and lacking > 2 * top:
        top, growth = lacking, 2.0
    further = top * growth ** np.arange(1, LENGTHS + 2 - known)
    tau = np.empty(LENGTHS + 1)  # of 1, 2, 4, ... values
    tau[known:] = further[: LENGTHS + 1 - known]
    for number in range(known - 1, -1, -1):
        tau[number] = (octaves[number] + tau[number + 1]) / 2
    # Of values that come in runs, each run is one.
    telling = pairs * np.minimum(1.0, odds * _SUMS[:known] / np.maximum(tau[:known], 1.0))
    error = 1 / np.sqrt(np.append(telling, np.full(LENGTHS + 1 - known, telling[-1])))
    return np.maximum.accumulate(np.maximum(tau * (1 + MARGIN * error), 1.0))[1:]


def _mean(octaves: Floats, pairs: Floats) -> float:
    return float((octaves * pairs).sum() / pairs.sum())


@kernel
def _follow(state, codes, signals, values):  # type: ignore[no-untyped-def]
    for row in range(state.shape[0]):
        signal = signals[row]
        for i in range(codes.shape[0]):
            carried = values[row, codes[i, signal]]
            if np.isnan(carried):
                continue
            length = 1.0
            for octave in range(LENGTHS):
                if state[row, octave, OPEN] == 0.0:
                    state[row, octave, SUM] = carried
                    state[row, octave, OPEN] = 1.0
                    break
                apart = carried - state[row, octave, SUM]
                square = apart * apart / (2.0 * length)
                pairs, total = state[row, octave, PAIRS], state[row, octave, TOTAL]
                # As if there had been one as of independent values: the first cannot set the scale alone.
                if octave >= CUT_FROM:
                    square = min(square, CUT * max(1.0, (total + 1.0) / (pairs + 1.0)))
                if pairs >= KEPT:
                    pairs, total = pairs / 2.0, total / 2.0
                state[row, octave, PAIRS], state[row, octave, TOTAL] = pairs + 1.0, total + square
                carried += state[row, octave, SUM]
                state[row, octave, SUM] = state[row, octave, OPEN] = 0.0
                length *= 2.0
