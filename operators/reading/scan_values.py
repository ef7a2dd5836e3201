"""Values as `scan` reads them: numbers, plain texts, null, true and false, out of an array of bytes.

Numbers are read as msgspec reads them, to the bit: digits eight at a time, then Clinger (1990) where a float holds all
digits and the power of ten, else Eisel and Lemire (Lemire 2021, doi:10.1002/spe.2984); what neither is sure of is left.

The array goes on for 16 bytes after the last record. numba keeps what it compiled by file: after a change here, touch
scan.py and vectors.py, whose kernels have these inside.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir

from operators.jit import intrinsic, part, types

# Forms of a value; a key's `allowed` is a sum of them.
NOTHING, TEXT, INTEGER, FLOAT, BOOLEAN, LARGE = 1, 2, 4, 8, 16, 32  # LARGE: an integer beyond 2^53

CLASSES = 32  # probabilities of a record: each key is compared with all before it

_U = np.uint64
_ZERO, _ONE, _EIGHT = _U(0), _U(1), _U(8)
_WHOLE = _U(1 << 53)  # integers up to here are floats
_LEAST = _U(1 << 63)  # the most that a negative integer of 64 bits is
_HIGHS = _U(0x8080808080808080)
_LOWS = _U(0x0101010101010101)
_ZEROS = _U(0x3030303030303030)  # eight digits 0
_ABOVE = _U(0x4646464646464646)  # carries a character above 9 into its highest bit
_BLANKS = _U(0x2020202020202020)
_QUOTES = _U(0x2222222222222222)
_ESCAPES = _U(0x5C5C5C5C5C5C5C5C)
_PAIRS, _HUNDREDS, _MYRIADS = _U(0x000000FF000000FF), _U(0x000F424000000064), _U(0x0000271000000001)
_QUOTE, _COMMA, _MINUS, _PLUS, _POINT, _NOUGHT, _NINE, _COLON, _BLANK = b'",-+.09: '
_OPEN, _CLOSE, _SMALL_E, _LARGE_E, _N, _T, _F = b"{}eEntf"
_NULL, _TRUE, _ALSE = (_U(int.from_bytes(word, "little")) for word in (b"null", b"true", b"alse"))
_FOUR_BYTES = _U(0xFFFFFFFF)

_LEAST_POWER, _LARGEST_POWER = -342, 308  # of ten, that can make a finite float of 19 digits


def _powers() -> tuple[list[int], list[int]]:
    """The highest 128 bits of each power of five in two halves, as the paper has them."""
    high, low = [], []
    for power in range(_LEAST_POWER, _LARGEST_POWER + 1):
        five = 5 ** abs(power)
        if power >= 0:
            bits = five << 128 >> five.bit_length()
        elif power >= -27:
            bits = (1 << (five.bit_length() + 127)) // five + 1
        else:
            bits = (1 << (2 * five.bit_length() + 128)) // five + 1
            bits >>= bits.bit_length() - 128
        high.append(bits >> 64)
        low.append(bits & (1 << 64) - 1)
    return high, low


_FIVES_HIGH, _FIVES_LOW = (np.array(half, np.uint64) for half in _powers())
_TENS = np.array([10**k for k in range(20)], np.uint64)
_SIGNS = np.array([1.0, -1.0])
_FLOAT_TENS = np.array([10.0**k for k in range(23)])


@intrinsic
def _high_product(context, a, b):  # type: ignore[no-untyped-def]
    """The upper 64 bits of a product."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(argument, wide) for argument in arguments))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


@intrinsic
def _leading_zeros(context, a):  # type: ignore[no-untyped-def]
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate


@intrinsic
def _trailing_zeros(context, a):  # type: ignore[no-untyped-def]
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate


@intrinsic
def _as_float(context, a):  # type: ignore[no-untyped-def]
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.uint64), generate


@intrinsic
def word(context, data, at):  # type: ignore[no-untyped-def]
    """Eight bytes from a place on, the first one lowest."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.gep(array.data, [arguments[1]])
        loaded = builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()))
        loaded.align = 1
        return loaded

    return types.uint64(data, types.int64), generate


@part
def _rounded(digits, power):  # type: ignore[no-untyped-def]
    """The float nearest to digits x 10^power, and whether that is sure (Eisel and Lemire)."""
    if power < _LEAST_POWER or power > _LARGEST_POWER:
        return 0.0, False
    zeros = _leading_zeros(digits)
    digits = digits << zeros
    five = _FIVES_HIGH[power - _LEAST_POWER]
    high, low = _high_product(digits, five), digits * five
    if high & _U(0x1FF) == _U(0x1FF):
        more = _high_product(digits, _FIVES_LOW[power - _LEAST_POWER])
        low = low + more
        if more > low:
            high = high + _ONE
    upper = high >> _U(63)
    bits = high >> (upper + _U(9))
    exponent = ((217706 * power) >> 16) + 63 + np.int64(upper) - np.int64(zeros) + 1023
    if exponent <= 0:
        return 0.0, False
    if low <= _ONE and power >= -4 and power <= 23 and (bits & _U(3)) == _ONE:
        if (bits << (upper + _U(9))) == high:  # halfway: to the even one
            bits = bits & ~_ONE
    bits = (bits + (bits & _ONE)) >> _ONE
    if bits >= _WHOLE:
        bits = _U(1 << 52)
        exponent += 1
    if exponent >= 0x7FF:
        return 0.0, False
    return _as_float((bits & ~_U(1 << 52)) | (_U(exponent) << _U(52))), True


@part
def _digits(data, p, value):  # type: ignore[no-untyped-def]
    """Digits from p on, put behind those of a value; the place after them. The value is wrong beyond 19 of them."""
    while True:
        eight = word(data, p) - _ZEROS
        others = ((eight + _ZEROS + _ABOVE) | eight) & _HIGHS
        count = np.int64(_trailing_zeros(others) >> _U(3)) if others != _ZERO else 8
        if count > 0:
            eight = eight << (_U(64) - _EIGHT * _U(count))
            eight = eight * _U(10) + (eight >> _EIGHT)
            eight = ((eight & _PAIRS) * _HUNDREDS + ((eight >> _U(16)) & _PAIRS) * _MYRIADS) >> _U(32)
            value = value * _TENS[count] + eight
            p += count
        if count < 8:
            return value, p


@part
def _number(data, p):  # type: ignore[no-untyped-def]
    """A number from p on: the place after it or -1, its form, its value."""
    negative = data[p] == _MINUS
    p += np.int64(negative)  # no branch: nobody could guess it
    first = p
    value, p = _digits(data, p, _ZERO)
    count = p - first
    if count == 0 or (count > 1 and data[first] == _NOUGHT):
        return -1, NOTHING, 0.0
    form, power = INTEGER, np.int64(0)
    if data[p] == _POINT:
        form = FLOAT
        point = p
        value, p = _digits(data, p + 1, value)
        power = point + 1 - p
        if power == 0:
            return -1, NOTHING, 0.0
        count -= power
        if count > 19 and data[first] == _NOUGHT:  # noughts in front are no digits
            count -= 1
            zero = point + 1
            while data[zero] == _NOUGHT and zero < p:
                count -= 1
                zero += 1
    if count > 19:
        return -1, NOTHING, 0.0
    if data[p] == _SMALL_E or data[p] == _LARGE_E:
        form = FLOAT
        p += 1
        down = data[p] == _MINUS
        if down or data[p] == _PLUS:
            p += 1
        start, exponent = p, np.int64(0)
        while data[p] >= _NOUGHT and data[p] <= _NINE and exponent < 100_000:
            exponent = np.int64(exponent * 10 + np.int64(data[p]) - _NOUGHT)
            p += 1
        if p == start or exponent >= 100_000:
            return -1, NOTHING, 0.0
        power += -exponent if down else exponent
    if value == _ZERO:
        if form == INTEGER and negative:
            return -1, NOTHING, 0.0  # -0 is the integer 0, and a float with a sign
        result = np.float64(0.0)
    elif value <= _WHOLE and power >= -22 and power <= 22:
        result = np.float64(value)
        result = result / _FLOAT_TENS[-power] if power < 0 else result * _FLOAT_TENS[power]
    else:
        result, sure = _rounded(value, power)
        if not sure:
            return -1, NOTHING, 0.0
    if form == INTEGER and value >= _WHOLE:
        if negative and value > _LEAST:
            return -1, NOTHING, 0.0
        form = LARGE
    return p, form, np.copysign(result, _SIGNS[np.int64(negative)])


@part
def closing(data, p, end):  # type: ignore[no-untyped-def]
    """Place of the quote that ends the text whose first character is at p; -1 if it is not plain ASCII."""
    while True:
        eight = word(data, p)
        quote, escape = eight ^ _QUOTES, eight ^ _ESCAPES
        special = ((quote - _LOWS) & ~quote) | ((escape - _LOWS) & ~escape) | ((eight - _BLANKS) & ~eight) | eight
        special = special & _HIGHS
        if special != _ZERO:
            p += np.int64(_trailing_zeros(special) >> _U(3))
            return p if p < end and data[p] == _QUOTE else -1
        p += 8
        if p >= end:
            return -1


@part
def scalar(data, p, end):  # type: ignore[no-untyped-def]
    """A value from p on that is no object and no array: the place after it or -1, its form, its text, its value."""
    first = data[p]
    if first == _QUOTE:
        quote = closing(data, p + 1, end)
        return (quote + 1 if quote >= 0 else -1), TEXT, p + 1, quote, np.nan
    if (first == _MINUS) | ((first >= _NOUGHT) & (first <= _NINE)):
        after, form, value = _number(data, p)
        return after, form, p, after, value
    if first == _N and word(data, p) & _FOUR_BYTES == _NULL:
        return p + 4, NOTHING, p, p, np.nan
    if first == _T and word(data, p) & _FOUR_BYTES == _TRUE:
        return p + 4, BOOLEAN, p, p + 4, np.nan
    if first == _F and word(data, p + 1) & _FOUR_BYTES == _ALSE:
        return p + 5, BOOLEAN, p, p + 5, np.nan
    return -1, NOTHING, p, p, np.nan


@part
def largest(data, p, end, begins, stops):  # type: ignore[no-untyped-def]
    """The largest of an object's numbers, from its first key on: the place after it or -1, the number, NaN for none.

    `begins` and `stops` are room for the places of CLASSES keys.
    """
    found, count = np.nan, 0
    if data[p] == _CLOSE:
        return p + 1, found
    while data[p] == _QUOTE and count < CLASSES:
        stop = closing(data, p + 1, end)
        if stop < 0 or data[stop + 1] != _COLON:
            return -1, found
        begins[count], stops[count] = p + 1, stop
        for other in range(count):
            if stops[other] - begins[other] == stop - p - 1:
                k = 0
                while k < stop - p - 1 and data[begins[other] + k] == data[p + 1 + k]:
                    k += 1
                if k == stop - p - 1:
                    return -1, found  # twice: the last one counts
        count += 1
        p = stop + 2
        while data[p] == _BLANK:
            p += 1
        p, form, _, _, value = scalar(data, p, end)
        if p < 0 or p >= end or form & (INTEGER | FLOAT | LARGE) == 0:
            return -1, found
        if not value <= found:  # the first one too: NaN compares with nothing
            found = value
        while data[p] == _BLANK:
            p += 1
        if data[p] == _CLOSE:
            return p + 1, found
        if data[p] != _COMMA:
            return -1, found
        p += 1
        while data[p] == _BLANK:
            p += 1
    return -1, found
