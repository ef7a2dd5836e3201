"""Page-Hinkley: a lasting change of the mean, found value by value.

Page (1954), Biometrika 41, doi:10.1093/biomet/41.1-2.100; fading sums and two sides as in river 0.23, to which
`page_hinkley` is equal bit for bit without a prior. With one, the mean starts at the reference's.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from operators.detectors.alarms import Alarms, room
from operators.detectors.arrays import Floats, Integers, argument, sequences, updated
from operators.jit import kernel
from schemas.errors import StateVersionError

DELTA = 0.005  # river's; on ranks (sd 0.289) it forgives 1.7 % of a standard deviation
FADING = 0.9999  # river's; a deviation keeps half its weight for 6,931 values. Thresholds are not calibrated for it
MIN_COUNT = 30  # river's; before that the mean itself is still moving

FIELDS = 8  # columns of a signal's row of state; their order is part of the state format
COUNT, MEAN, RISE, FALL, RISE_MIN, FALL_MAX, RISE_AT, FALL_AT = range(FIELDS)  # ..._AT: count at the extremum


def start(signals: int) -> Floats:
    """Return the state of signals that have seen no value."""
    return np.zeros((signals, FIELDS))


def pack(state: Floats) -> bytes:
    """Return the state as bytes, 64 a signal."""
    return updated("state", state, (len(state), FIELDS)).tobytes()


def unpack(data: bytes, signals: int) -> Floats:
    """Return the state that `pack` made into bytes.

    Raises
    ------
    StateVersionError
        The bytes are not the state of so many signals.
    """
    if len(data) != signals * FIELDS * 8:
        message = (
            f"state of page_hinkley: {len(data)} bytes are not the state of {signals} signals "
            f"({signals * FIELDS * 8} bytes); restore a savepoint of this configuration"
        )
        raise StateVersionError(message)
    return np.frombuffer(data).reshape(signals, FIELDS).copy()


def page_hinkley(
    values: Floats,
    lengths: Integers,
    state: Floats,
    delta: float,
    thresholds_up: Floats,
    thresholds_down: Floats,
    *,
    fading: float = 1.0,
    min_count: int = MIN_COUNT,
    prior_mean: Floats | None = None,
    prior_weight: Floats | None = None,
) -> Alarms:
    """Find lasting changes of the mean of each signal.

    Parameters
    ----------
    values : float64, shape (signals, longest)
        Standardised ranks (raw values with ``input: raw``) in event order. Finite: missing and infinite values are
        counted by quality signals and never come here.
    lengths : int64, shape (signals,)
        How many values of each row count; the rest of a row is not read.
    state : float64, shape (signals, FIELDS)
        From `start`, `unpack` or an earlier call; updated in place.
    delta : float, >= 0
        Deviation forgiven at each value, in units of the values (k in the CUSUM literature).
    thresholds_up, thresholds_down : float64, shape (signals,)
        Cumulative deviation, in units of the values, above which there is an alarm (lambda in the paper, h of a
        CUSUM); infinite where that side cannot alarm.
    fading : float, in (0, 1]
        Factor on the cumulative deviations at each value; river's is `FADING`.
    min_count : int, >= 1
        Values of a signal before its first alarm, and between two alarms.
    prior_mean, prior_weight : float64, shape (signals,), optional
        Where the running mean starts, and for how many values that counts; without, the first value is the mean.

    Returns
    -------
    Alarms
        ``since`` counts from the extremum of the alarming side. Where both sides alarm at once the greater deviation
        gives the direction. After an alarm the signal starts anew, from its prior.

    Examples
    --------
    The mean moves from 0 to 1 at position 100; eleven ones later more than 10 has added up:

    >>> values = np.repeat([[0.0, 1.0]], 100, axis=1)
    >>> alarms = page_hinkley(values, np.array([200]), start(1), DELTA, np.array([10.0]), np.array([np.inf]))
    >>> alarms.position, alarms.since, alarms.direction
    (array([110]), array([11]), array([1], dtype=int8))
    """
    values, lengths = sequences(values, lengths)
    signals, longest = values.shape
    each = (signals,)
    alarms = room(signals * ((longest - 1) // max(min_count, 1) + 1))
    found = _scan(
        values,
        lengths,
        updated("state", state, (signals, FIELDS)),
        float(delta),
        argument("thresholds_up", thresholds_up, np.float64, each),
        argument("thresholds_down", thresholds_down, np.float64, each),
        float(fading),
        int(min_count),
        np.zeros(signals) if prior_mean is None else argument("prior_mean", prior_mean, np.float64, each),
        np.zeros(signals) if prior_weight is None else argument("prior_weight", prior_weight, np.float64, each),
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
    delta: float,
    thresholds_up: Floats,
    thresholds_down: Floats,
    fading: float,
    min_count: int,
    prior_mean: Floats,
    prior_weight: Floats,
    signal: Integers,
    position: Integers,
    since: Integers,
    direction: npt.NDArray[np.int8],
    statistic: Floats,
    threshold: Floats,
) -> int:
    # Extrema start at 0: without a prior the first value's deviation is 0 and replaces them, as river's are replaced.
    found = 0
    for s in range(len(values)):
        count = state[s, COUNT]
        mean = state[s, MEAN] if count > 0.0 else prior_mean[s]
        rise, fall = state[s, RISE], state[s, FALL]
        rise_min, fall_max = state[s, RISE_MIN], state[s, FALL_MAX]
        rise_at, fall_at = state[s, RISE_AT], state[s, FALL_AT]
        up, down, weight = thresholds_up[s], thresholds_down[s], prior_weight[s]
        for i in range(lengths[s]):
            count += 1.0
            # The reciprocal first, as river does: a division rounds differently and parity is lost.
            mean += (1.0 / (count + weight)) * (values[s, i] - mean)
            deviation = values[s, i] - mean
            rise = fading * rise + deviation - delta
            fall = fading * fall + deviation + delta
            if rise < rise_min:
                rise_min = rise
                rise_at = count
            if fall > fall_max:
                fall_max = fall
                fall_at = count
            if (rise - rise_min > up or fall_max - fall > down) and count >= min_count:
                rises = rise - rise_min > up and not (fall_max - fall > down and fall_max - fall > rise - rise_min)
                signal[found] = s
                position[found] = i
                since[found] = int(count - (rise_at if rises else fall_at))
                direction[found] = 1 if rises else -1
                statistic[found] = rise - rise_min if rises else fall_max - fall
                threshold[found] = up if rises else down
                found += 1
                count = rise = fall = rise_min = fall_max = rise_at = fall_at = 0.0
                mean = prior_mean[s]
        state[s, COUNT] = count
        state[s, MEAN] = mean if count > 0.0 else 0.0
        state[s, RISE], state[s, FALL] = rise, fall
        state[s, RISE_MIN], state[s, FALL_MAX] = rise_min, fall_max
        state[s, RISE_AT], state[s, FALL_AT] = rise_at, fall_at
    return found
