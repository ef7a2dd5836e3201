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


def hash_places(data: npt.NDArray[np.uint8], places: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Hash parts of an array of bytes.

    Parameters
    ----------
    data : uint8, writable
    places : int64, shape (parts, 2), C-contiguous
        Where each begins and ends.

    Examples
    --------
    >>> data = np.frombuffer(bytearray(b"a1a2a1"), np.uint8)
    >>> bool((hash_places(data, np.array([[0, 2], [2, 4]])) == hash64([b"a1", b"a2"])).all())
    True
    """
    hashes = np.empty(len(places), np.uint64)
    _hash(data, places, hashes)
    return hashes


def _hashed(data: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    places = np.zeros((len(ends), 2), np.int64)
    places[1:, 0], places[:, 1] = ends[:-1], ends
    return hash_places(data, places)


@kernel
def _hash(data, places, hashes):  # type: ignore[no-untyped-def]
    for i in range(places.shape[0]):
        start, end = places[i, 0], places[i, 1]
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
