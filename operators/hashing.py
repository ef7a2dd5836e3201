"""64-bit hashes of byte strings: the same on every worker and in every run, and fast over a whole batch.

Eight bytes at a time are mixed as in MurmurHash64A (Appleby 2008, public domain); not for adversaries.
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
_PADDING = b"\0" * 8


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
    hashes = np.empty(len(texts), np.uint64)
    if len(texts):
        _hash(np.frombuffer(bytearray(b"".join([*texts, _PADDING])), np.uint8), ends, hashes)
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
