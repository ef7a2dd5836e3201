"""Event times of the usual forms, read in one pass and without an object; `values.event_time` reads all others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from operators.jit import kernel, part
from operators.reading.scan_values import INTEGER, LARGE, TEXT

NO_TIME = -(2**63)  # of a record that does not say when it was, or says it in another form

_SECONDS, _MILLISECONDS, _MICROSECONDS = 10**11, 10**14, 10**17  # numbers below are that, from there on nanoseconds
_DAY_S = 86_400
_PLUS, _MINUS, _POINT, _NOUGHT, _NINE, _COLON, _T, _Z = b"+-.09:TZ"


def plain_times(
    data: npt.NDArray[np.uint8], places: npt.NDArray[np.int64], forms: npt.NDArray[np.uint8]
) -> npt.NDArray[np.int64]:
    """Milliseconds since 1970 UTC, cut off, of times from 1970 to 2199.

    Takes ``2026-01-01T00:00:00``, with a fraction of up to nine digits and ``Z`` or an offset like ``+01:00``, and
    whole numbers, which are seconds to nanoseconds by their magnitude.

    Parameters
    ----------
    data : uint8, shape (bytes + 16,), writable
    places : int64, shape (records, 2), C-contiguous
        Where each time stands; a text's without its quotes.
    forms : uint8, shape (records,)
        As `scan` has them.

    Returns
    -------
    int64, shape (records,)
        NO_TIME for every other form.

    Examples
    --------
    >>> data = np.frombuffer(bytearray(b"2026-01-01T00:00:00.25Z1767225600" + bytes(16)), np.uint8)
    >>> plain_times(data, np.array([[0, 23], [23, 33]]), np.array([TEXT, INTEGER], np.uint8))
    array([1767225600250, 1767225600000])
    """
    times = np.empty(len(places), np.int64)
    _read(data, places, forms, times)
    return times


@kernel
def _read(data, places, forms, times):  # type: ignore[no-untyped-def]
    for i in range(places.shape[0]):
        begin, end = places[i, 0], places[i, 1]
        if forms[i] == TEXT:
            times[i] = _of_text(data, begin, end)
        elif forms[i] == INTEGER or forms[i] == LARGE:
            times[i] = _of_number(data, begin, end)
        else:
            times[i] = NO_TIME


@part
def _of_number(data, begin, end):  # type: ignore[no-untyped-def]
    if end - begin > 18 + (data[begin] < np.uint8(57)):  # beyond 63 bits: 19 digits that begin with 9
        return NO_TIME
    value = _digits(data, begin, end)
    if value < 0:
        return NO_TIME
    if value < _SECONDS:
        value *= 1_000
    elif value >= _MICROSECONDS:
        value //= 1_000_000
    elif value >= _MILLISECONDS:
        value //= 1_000
    return value if value < 7_258_118_400_000 else NO_TIME


@part
def _of_text(data, begin, end):  # type: ignore[no-untyped-def]
    if end - begin < 19:
        return NO_TIME
    year, month, day = (
        _digits(data, begin, begin + 4),
        _digits(data, begin + 5, begin + 7),
        _digits(data, begin + 8, begin + 10),
    )
    hour, minute = _digits(data, begin + 11, begin + 13), _digits(data, begin + 14, begin + 16)
    second = _digits(data, begin + 17, begin + 19)
    if data[begin + 4] != _MINUS or data[begin + 7] != _MINUS or data[begin + 10] != _T:
        return NO_TIME
    if data[begin + 13] != _COLON or data[begin + 16] != _COLON:
        return NO_TIME
    if year < 1970 or year > 2199 or month < 1 or month > 12 or day < 1 or hour < 0 or hour > 23:
        return NO_TIME
    if minute < 0 or minute > 59 or second < 0 or second > 59:
        return NO_TIME
    leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    if day > (28 + leap if month == 2 else 30 + ((month + month // 8) & 1)):
        return NO_TIME
    p = begin + 19
    millisecond, digits = np.int64(0), 0
    if p < end and data[p] == _POINT:
        p += 1
        while p < end and data[p] >= _NOUGHT and data[p] <= _NINE:
            if digits < 3:
                millisecond = millisecond * 10 + (np.int64(data[p]) - _NOUGHT)
            digits += 1
            p += 1
        if digits == 0 or digits > 9:
            return NO_TIME
        for _ in range(digits, 3):
            millisecond *= 10
    offset = 0
    if p + 6 == end and (data[p] == _PLUS or data[p] == _MINUS) and data[p + 3] == _COLON:
        hours, minutes = _digits(data, p + 1, p + 3), _digits(data, p + 4, p + 6)
        if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
            return NO_TIME
        offset = 60 * hours + minutes if data[p] == _PLUS else -(60 * hours + minutes)
    elif not (p == end or (p + 1 == end and data[p] == _Z)):
        return NO_TIME
    # Days of the civil calendar, of years that begin in March (Hinnant, "Low-level date algorithms").
    early = month <= 2
    years = year - early
    days = 365 * years + years // 4 - years // 100 + years // 400
    days += (153 * (month + 9 if early else month - 3) + 2) // 5 + day - 1 - 719_468
    time_s = days * _DAY_S + 3_600 * hour + 60 * (minute - offset) + second
    return time_s * 1_000 + millisecond if time_s >= 0 else NO_TIME


@part
def _digits(data, p, end):  # type: ignore[no-untyped-def]
    """The number that some bytes are; -1 if one of them is no digit."""
    value = np.int64(0)
    while p < end:
        if data[p] < _NOUGHT or data[p] > _NINE:
            return -1
        value = value * 10 + (np.int64(data[p]) - _NOUGHT)
        p += 1
    return value
