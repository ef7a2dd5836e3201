"""ADWIN: a window of values that is cut wherever two parts of it differ in their mean.

Bifet and Gavalda (2007), SDM, doi:10.1137/1.9781611972771.42, on the exponential histogram of Babcock et al. (2003),
doi:10.1145/773153.773176, with the bound, the checks and the order of operations of river 0.23.

The state of a signal is one row of float64: WIDTH (values in the window), TOTAL, VARIANCE (sum of squared deviations),
TICK (values since the last check) and ROWS (rows in use); from COUNTS the buckets in each row; from TOTALS and from
VARIANCES the buckets' own totals and variances, oldest first, 6 a row. A bucket of row r holds 2^r values.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from operators.detectors.alarms import Alarms, room
from operators.detectors.arrays import Floats, Integers, argument, sequences, updated
from operators.jit import kernel, part
from schemas.errors import StateVersionError

CLOCK = 32  # river's; values between two checks: a shorter one finds a change earlier by so much and costs time
MIN_WINDOW = 5  # river's; values of the shorter part: means of fewer are not compared
GRACE = 10  # river's; a window of fewer values is not checked
MAX_BUCKETS = 5  # river's; the paper's M: more place the cut more exactly and take more memory
MAX_ROWS = 40  # room for 5e12 values in one window, years of any stream

WIDTH, TOTAL, VARIANCE, TICK, ROWS = range(5)
SLOTS = MAX_BUCKETS + 1
COUNTS = 5
TOTALS = COUNTS + MAX_ROWS
VARIANCES = TOTALS + MAX_ROWS * SLOTS
FIELDS = VARIANCES + MAX_ROWS * SLOTS

# Rounding can move either side of the test for a cut by a few units in the last place (2.2e-16); the coarse test
# that spares most cuts the exact one allows for ten times as much.
SLACK = 2e-15


def start(signals: int) -> Floats:
    """Return the state of signals that have seen no value."""
    state = np.zeros((signals, FIELDS))
    state[:, ROWS] = 1.0
    return state


def pack(state: Floats) -> bytes:
    """Return the state as bytes, occupied buckets alone: of a window of 20,000 values about 1 kB a signal.

    Words of 8 bytes, signal after signal: TICK, ROWS and the rows' counts, one byte each, filled up with zeros to a
    whole word; TOTAL; VARIANCE; the buckets' totals; their variances from row 1 on (those of row 0 are 0).
    """
    state = updated("state", state, (len(state), FIELDS))
    words = np.empty(_words(state))
    _pack(state, words, words.view(np.uint8))
    return words.tobytes()


def unpack(data: bytes, signals: int) -> Floats:
    """Return the state that `pack` made into bytes.

    Raises
    ------
    StateVersionError
        The bytes are not the state of so many signals.
    """
    state = start(signals)
    words = np.frombuffer(data, np.uint8).copy()
    if len(data) % 8 or not _unpack(words.view(np.float64), words, state):
        message = (
            f"state of adwin: {len(data)} bytes are not the state of {signals} signals; "
            "restore a savepoint of this configuration"
        )
        raise StateVersionError(message)
    return state


def adwin(values: Floats, lengths: Integers, state: Floats, delta: Floats, keep: bool) -> Alarms:
    """Find changes of the mean of each signal, in a window as long as it has been stable.

    Parameters
    ----------
    values : float64, shape (signals, longest)
        Ranks in [0, 1] (raw values with ``input: raw``) in event order. Finite: missing and infinite values are
        counted by quality signals and never come here.
    lengths : int64, shape (signals,)
        How many values of each row count; the rest of a row is not read.
    state : float64, shape (signals, FIELDS)
        From `start`, `unpack` or an earlier call; updated in place.
    delta : float64, shape (signals,), in [0, 1]
        Confidence of the bound, delta in the paper: the smaller, the fewer false alarms, and 0 for none at all.
    keep : bool
        After an alarm the recent part of the window stays, as in the paper; else the signal starts anew, as in river.

    Returns
    -------
    Alarms
        At most one a check, that is one in `CLOCK` values of a signal. ``since`` is the recent part at the last cut of
        that check, ``direction`` the side on which its mean lies.

    Examples
    --------
    The mean moves from 0 to 1 at position 1,000, which the next check finds; the change began 24 values ago:

    >>> values = np.repeat([[0.0, 1.0]], 1000, axis=1)
    >>> alarms = adwin(values, np.array([2000]), start(1), np.array([0.002]), keep=False)
    >>> alarms.position, alarms.since, alarms.direction
    (array([1023]), array([24]), array([1], dtype=int8))
    """
    values, lengths = sequences(values, lengths)
    signals, longest = values.shape
    delta = argument("delta", delta, np.float64, (signals,))
    if signals and not 0.0 <= delta.min() <= delta.max() <= 1.0:
        message = f"delta: is {delta.min()} to {delta.max()} (0 to 1)"
        raise ValueError(message)
    alarms = room(signals * (longest // CLOCK + 1))
    found = _scan(
        values,
        lengths,
        updated("state", state, (signals, FIELDS)),
        delta,
        bool(keep),
        alarms.signal,
        alarms.position,
        alarms.since,
        alarms.direction,
        alarms.statistic,
        alarms.threshold,
    )
    return alarms.first(found)


@kernel
def _scan(
    values: Floats,
    lengths: Integers,
    state: Floats,
    delta: Floats,
    keep: bool,
    signal: Integers,
    position: Integers,
    since: Integers,
    direction: npt.NDArray[np.int8],
    statistic: Floats,
    threshold: Floats,
) -> int:
    found = 0
    for s in range(len(values)):
        row = state[s]
        tick = int(row[TICK])
        i = 0
        while i < lengths[s]:
            stop = min(lengths[s], i + CLOCK - tick)
            tick += stop - i
            _insert(row, values[s, i:stop])
            i = stop
            if tick < CLOCK:
                break
            tick = 0
            if row[WIDTH] > GRACE and delta[s] > 0.0:
                recent, rise, epsilon = _shrink(row, delta[s])
                if recent > 0.0:
                    signal[found] = s
                    position[found] = i - 1
                    since[found] = int(recent)
                    direction[found] = 1 if rise > 0.0 else -1
                    statistic[found], threshold[found] = abs(rise), epsilon
                    found += 1
                    if not keep:
                        row[:] = 0.0
                        row[ROWS] = 1.0
        row[TICK] = tick
    return found


@part
def _insert(row: Floats, values: Floats) -> None:
    width, total, variance = row[WIDTH], row[TOTAL], row[VARIANCE]
    for x in values:
        used = int(row[COUNTS])
        row[TOTALS + used] = x
        row[COUNTS] = used + 1
        width += 1.0
        if width > 1.0:
            deviation = x - total / (width - 1.0)
            variance += (width - 1.0) * deviation * deviation / width
        total += x
        if used == MAX_BUCKETS:
            _compress(row)
    row[WIDTH], row[TOTAL], row[VARIANCE] = width, total, variance


@part
def _compress(row: Floats) -> None:
    # Wherever a row has one bucket too many, its two oldest become one of the next row.
    r = 0
    n = 1.0
    while row[COUNTS + r] > MAX_BUCKETS:
        if r + 1 == row[ROWS]:
            row[ROWS] += 1.0
        a, b = TOTALS + r * SLOTS, VARIANCES + r * SLOTS
        used = int(row[COUNTS + r + 1])
        difference = row[a] / n - row[a + 1] / n
        row[a + SLOTS + used] = row[a] + row[a + 1]
        row[b + SLOTS + used] = row[b] + row[b + 1] + n * n * difference * difference / (n + n)
        for j in range(2, SLOTS):
            row[a + j - 2] = row[a + j]
            row[b + j - 2] = row[b + j]
        row[COUNTS + r] -= 2.0
        row[COUNTS + r + 1] += 1.0
        r += 1
        n *= 2.0


@part
def _shrink(row: Floats, delta: float) -> tuple[float, float, float]:
    # Bucket by bucket from the oldest, until no cut is left; of the last cut the recent part, the rise of the mean
    # there, and epsilon.
    recent, rise, epsilon = 0.0, 0.0, 0.0
    while True:
        kept, difference, bound = _cut(row, delta)
        if kept == 0.0:
            return recent, rise, epsilon
        recent, rise, epsilon = kept, difference, bound
        _drop_oldest(row)


@part
def _cut(row: Floats, delta: float) -> tuple[float, float, float]:
    # The first border, from the oldest on, where the means on both sides differ by more than epsilon. n0, u0: values
    # and total of the older part; n1, u1: of the recent one.
    # Epsilon takes a root and three divisions. Most borders need none of them: 2 n0 n1 variance prime is below
    # (n0 n1 epsilon)^2, and what does not exceed that (rounding allowed for) cannot exceed epsilon.
    prime = math.log(2.0 * math.log(row[WIDTH]) / delta)
    level = 2.0 * row[VARIANCE] * prime * (1.0 - SLACK)
    spread = row[VARIANCE] / row[WIDTH]
    n0, u0 = 0.0, 0.0
    n1, u1 = float(row[WIDTH]), float(row[TOTAL])
    rows = int(row[ROWS])
    n = 2.0**rows
    for r in range(rows - 1, -1, -1):
        n *= 0.5
        for j in range(TOTALS + r * SLOTS, TOTALS + r * SLOTS + int(row[COUNTS + r])):
            n0 += n
            n1 -= n
            u0 += row[j]
            u1 -= row[j]
            if n0 < MIN_WINDOW or n1 < MIN_WINDOW:
                continue
            most = abs(u0 * n1 - u1 * n0) + SLACK * (abs(u0) * n1 + abs(u1) * n0)
            if most * most <= level * n0 * n1:
                continue
            difference = u0 / n0 - u1 / n1
            m = 1.0 / (n0 - MIN_WINDOW + 1.0) + 1.0 / (n1 - MIN_WINDOW + 1.0)
            epsilon = math.sqrt(2.0 * m * spread * prime) + 2.0 / 3.0 * prime * m
            if abs(difference) > epsilon:
                return n1, -difference, epsilon
    return 0.0, 0.0, 0.0


@part
def _drop_oldest(row: Floats) -> None:
    # Total and variance are then added up anew from the buckets left, where river subtracts: a level of 1e10 would
    # leave its rounding error behind, a variance that is far off or even negative, and hide every later change.
    last = int(row[ROWS]) - 1
    a, b = TOTALS + last * SLOTS, VARIANCES + last * SLOTS
    for j in range(1, SLOTS):
        row[a + j - 1] = row[a + j]
        row[b + j - 1] = row[b + j]
    row[COUNTS + last] -= 1.0
    if row[COUNTS + last] == 0.0:
        row[ROWS] -= 1.0
    width = total = variance = 0.0
    n = 2.0 ** (last + 1)
    for r in range(last, -1, -1):
        n *= 0.5
        for j in range(int(row[COUNTS + r])):
            u = float(row[TOTALS + r * SLOTS + j])
            between = 0.0
            if width > 0.0:
                difference = total / width - u / n
                between = width * n * difference * difference / (width + n)
            variance = variance + float(row[VARIANCES + r * SLOTS + j]) + between
            total += u
            width += n
    row[WIDTH], row[TOTAL], row[VARIANCE] = width, total, variance


@kernel
def _words(state: Floats) -> int:
    words = 0
    for s in range(len(state)):
        rows = int(state[s, ROWS])
        words += (2 + rows + 7) // 8 + 2 - int(state[s, COUNTS])
        for r in range(rows):
            words += 2 * int(state[s, COUNTS + r])
    return words


@kernel
def _pack(state: Floats, words: Floats, octets: npt.NDArray[np.uint8]) -> None:
    # `octets` are the bytes of `words`.
    w = 0
    for s in range(len(state)):
        row = state[s]
        rows = int(row[ROWS])
        head = 8 * w
        w += (2 + rows + 7) // 8
        octets[head : 8 * w] = 0
        octets[head] = np.uint8(row[TICK])
        octets[head + 1] = np.uint8(rows)
        words[w], words[w + 1] = row[TOTAL], row[VARIANCE]
        w += 2
        for r in range(rows):
            octets[head + 2 + r] = np.uint8(row[COUNTS + r])
            for j in range(int(row[COUNTS + r])):
                words[w] = row[TOTALS + r * SLOTS + j]
                w += 1
        for r in range(1, rows):
            for j in range(int(row[COUNTS + r])):
                words[w] = row[VARIANCES + r * SLOTS + j]
                w += 1


@kernel
def _unpack(words: Floats, octets: npt.NDArray[np.uint8], state: Floats) -> bool:
    # False as soon as the bytes end too early, say something impossible or go on after the last signal.
    w = 0
    for s in range(len(state)):
        row = state[s]
        if w >= len(words):
            return False
        head = 8 * w
        rows = int(octets[head + 1])
        w += (2 + rows + 7) // 8 + 2
        if octets[head] >= CLOCK or not 1 <= rows <= MAX_ROWS or w > len(words):
            return False
        row[TICK], row[ROWS] = octets[head], rows
        row[TOTAL], row[VARIANCE] = words[w - 2], words[w - 1]
        n = 1.0
        buckets = 0
        for r in range(rows):
            used = int(octets[head + 2 + r])
            if used > MAX_BUCKETS:
                return False
            row[COUNTS + r] = used
            row[WIDTH] += n * used
            n *= 2.0
            buckets += used
        if w + 2 * buckets - int(row[COUNTS]) > len(words):
            return False
        for r in range(rows):
            for j in range(int(row[COUNTS + r])):
                row[TOTALS + r * SLOTS + j] = words[w]
                w += 1
        for r in range(1, rows):
            for j in range(int(row[COUNTS + r])):
                row[VARIANCES + r * SLOTS + j] = words[w]
                w += 1
    return w == len(words)
