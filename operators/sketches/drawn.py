"""Drawn records: the codes of those of a slide whose hashes are lowest, a sample that depends on no batches.

Of several slides those below the smallest bound of any are a sample of all, each record as likely (bottom-k sketches,
Cohen & Kaplan 2007, doi:10.1145/1281100.1281133).

::

    u32   bound: records whose hashes have a high half below it are here, all of them
    u32   limit: so many records at most
    ..    records by hash: u32 its high half, then u8, the code of each signal
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from operators.encoding.chunks import Pane

_HEAD = struct.Struct("<II")
_ALL = (1 << 32) - 1
_HIGH = np.uint64(32)  # bits

Codes = npt.NDArray[np.uint8]
Halves = npt.NDArray[np.uint32]


def folded(data: bytes, pane: Pane, limit: int) -> bytes:
    """What is drawn of a slide, with a pane's records; ``data`` is empty before the first."""
    assert pane.hashes is not None, "they are asked for where records are drawn"
    bound, _, halves, codes = _read(data, pane.codes.shape[1]) if data else (_ALL, 0, None, None)
    new = (pane.hashes >> _HIGH).astype(np.uint32)
    there = new < bound
    new, rows = new[there], pane.codes[there]
    if halves is not None and codes is not None:
        new, rows = np.concatenate([halves, new]), np.concatenate([codes, rows])
    return _packed(bound, limit, new, rows)


def together(parts: Iterable[bytes], signals: int) -> bytes:
    """What is drawn of several slides; of those of which nothing was, as an older release made them, nothing."""
    found = [_read(data, signals) for data in parts if data]
    if not found:
        return b""
    bound = min(one[0] for one in found)
    halves, codes = (np.concatenate([one[at] for one in found]) for at in (2, 3))
    there = halves < bound
    return _packed(bound, max(one[1] for one in found), halves[there], codes[there])


def rows(parts: Iterable[bytes], signals: int) -> Codes:
    """Codes of the records that are drawn of several slides, shape (records, signals)."""
    found = [_read(data, signals) for data in parts if data]
    if not found:
        return np.zeros((0, signals), np.uint8)
    bound = min(one[0] for one in found)
    return np.concatenate([codes[halves < bound] for _, _, halves, codes in found])


def recoded(data: bytes, signals: int, codes_of: Callable[[Codes], Codes]) -> bytes:
    """The same records with other codes."""
    if not data:
        return b""
    bound, limit, halves, codes = _read(data, signals)
    return _packed(bound, limit, halves, codes_of(codes))


def _read(data: bytes, signals: int) -> tuple[int, int, Halves, Codes]:
    bound, limit = _HEAD.unpack_from(data)
    found = np.frombuffer(data, np.uint8, offset=_HEAD.size).reshape(-1, 4 + signals)
    return bound, limit, np.ascontiguousarray(found[:, :4]).view("<u4")[:, 0], found[:, 4:]


def _packed(bound: int, limit: int, halves: Halves, codes: Codes) -> bytes:
    order = np.argsort(halves, kind="stable")
    if len(order) > limit:
        bound = int(halves[order[limit]])
        order = order[: int(np.searchsorted(halves[order], bound))]
    keys = halves[order].astype("<u4")[:, None].view(np.uint8)
    drawn: Codes = np.concatenate([keys, codes[order]], axis=1)
    return _HEAD.pack(bound, limit) + drawn.tobytes()
