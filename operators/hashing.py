"""64-bit hashes of byte strings: the same on every worker and in every run, and fast over a whole batch.

Eight bytes at a time are mixed as in MurmurHash64A (Appleby 2008, public domain), a last shorter word like the
others, filled with zeros; not for adversaries.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from operators.jit import kernel

SEED = np.uint64(0x7469_6465_6D61_726B)
_M = np.uint64(0xC6A4_A793_5BD1_E995)
_R = np.uint64(47)
_BYTE = np.uint64(8)


def hash64(texts: Sequence[bytes]) -> npt.NDArray[np.uint64]:
    """Hash each byte string.

    Returns
    -------
    uint64, shape (len(texts),)

    Examples
    --------
    >>> a, b, c = hash64([b"a1", b"a2", b"a1"])
    >>> bool(a == c), bool(a == b)
    (True, False)
    """
    ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
    return _hashed(np.frombuffer(bytearray(b"".join(texts)), np.uint8), ends)


def hash_rows(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Hash each row of numbers.

    >>> a, b, c = hash_rows(np.array([[1, 2], [2, 1], [1, 2]], np.uint64))
    >>> bool(a == c), bool(a == b)
    (True, False)
    """
    rows, columns = words.shape
    data = np.ascontiguousarray(words, "<u8").view(np.uint8).reshape(-1)
    return _hashed(data, np.arange(1, rows + 1) * (8 * columns))


def _hashed(data: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    hashes = np.empty(len(ends), np.uint64)
    _hash(data, ends, hashes)
    return hashes


@kernel
def _hash(data, ends, hashes):  # type: ignore[no-untyped-def]
    start = 0
    for i in range(ends.shape[0]):
        end = ends[i]
        h = SEED ^ (np.uint64(end - start) * _M)
        p = start
        # Invariant: bytes start..p are in h; the last, shorter word is filled with zeros and the length tells.
        while p < end:
            word = np.uint64(0)
            stop = min(p + 8, end)
            for j in range(stop - 1, p - 1, -1):
                word = (word << _BYTE) | np.uint64(data[j])
            word *= _M
            word ^= word >> _R
            word *= _M
            h ^= word
            h *= _M
            p = stop
        h ^= h >> _R
        h *= _M
        h ^= h >> _R
        hashes[i] = h
        start = end
