"""Counts as bytes: LEB128, 7 bits a byte, lowest first, the highest bit set where more follow.

A 0 is followed by how many more zeros come after it: most codes of most signals have no record.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from operators.jit import kernel

Counts = npt.NDArray[np.int64]


def pack(numbers: Counts) -> bytes:
    r"""Bytes of numbers from 0 on, shape (numbers,).

    >>> pack(np.array([300, 0, 0, 0, 7]))
    b'\xac\x02\x00\x02\x07'
    """
    out = np.empty(10 * len(numbers) + 10, np.uint8)
    return out[: _write(numbers, out)].tobytes()


def unpack(data: bytes, numbers: Counts) -> int:
    r"""Write the numbers of `pack` into an array of zeros, and give how many there are.

    -1 if the last one is cut off, or there are more than there is room for.

    >>> numbers = np.zeros(5, np.int64)
    >>> unpack(b"\xac\x02\x00\x02\x07", numbers), numbers.tolist()
    (5, [300, 0, 0, 0, 7])
    >>> unpack(b"\xac\x02\x00\x02\xff", np.zeros(5, np.int64))
    -1
    """
    return int(_read(np.frombuffer(bytearray(data), np.uint8), numbers))


@kernel
def _write(numbers, out):  # type: ignore[no-untyped-def]
    at = 0
    i = 0
    while i < numbers.shape[0]:
        number = numbers[i]
        i += 1
        if number == 0:
            out[at] = 0
            at += 1
            while i < numbers.shape[0] and numbers[i] == 0:
                number += 1
                i += 1
        while number >= 128:
            out[at] = np.uint8(number & 127 | 128)
            at += 1
            number >>= 7
        out[at] = np.uint8(number)
        at += 1
    return at


@kernel
def _read(data, numbers):  # type: ignore[no-untyped-def]
    count = np.int64(0)
    number = np.int64(0)
    shift = 0
    zeros = False
    for byte in data:
        number |= np.int64(byte & 127) << shift
        shift += 7
        if byte & 128:
            if shift > 56:
                return -1
            continue
        if zeros:
            count += number
            zeros = False
        elif count >= numbers.shape[0]:
            return -1
        else:
            numbers[count] = number
            count += 1
            zeros = number == 0
        number = np.int64(0)
        shift = 0
    return -1 if zeros or shift else count
