"""Settling of groups: the items of a list come to what they are together, when the list is mature.

A list is the items of one group, of one version and role, that come within SPAN_MS of its first one; items that come
later are another list. It is settled by the labels that its items got until `mature` after its first item, and counts
at the time of that. All its items have come by then, as panes are whole.

::

    groups     rows of f64: whose (see join_rows.py), group, time (ms) before which its items are settled, although
               they are not older than what is settled; where there are such
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from operators.labels import join_state
from operators.labels.join_chunks import Bytes, Hashes, Ints
from operators.labels.join_rows import FEWEST, Matches, label_data, owners_of
from operators.labels.join_state import NOTHING, Head, Kept

SPAN_MS = 600_000  # lists that are paged through, not sessions of a day; the longer, the more panes are looked at again
_GROUPS = "groups"
_NEVER_MS = 2**63 - 1
_NO_SEGMENT = 0xFF  # bytes of `join_rows.NO_TEXT`

Floats = npt.NDArray[np.float64]
# By ids, from when and until when: time, NOTHING where there is none, and outcome.
LabelOf = Callable[[Hashes, Ints, Ints], tuple[Ints, Floats]]


def settled(
    kept: Kept,
    head: Head,
    span_ms: tuple[int, int],
    mature_ms: int,
    pane_ms: int,
    absent: float | None,
    label_of: LabelOf,
) -> tuple[list[Matches], Ints]:
    """Settle the lists whose first item was made in a span.

    Gives their items with their outcomes, NaN where one has none, and the times of those settled without a label.
    """
    long_ms = min(SPAN_MS, mature_ms)
    hashes, times_ms, data = _rows(kept, head, span_ms[0], span_ms[1] + long_ms)
    whose = np.column_stack([owners_of(data), np.ascontiguousarray(data[:, 8:16]).view("<f8")[:, 0]])
    before = np.frombuffer(kept[_GROUPS] if _GROUPS in kept else b"", "<f8").reshape(-1, 3)
    groups, number = np.unique(np.vstack([before[:, :2], whose]), axis=0, return_inverse=True)
    ends_ms = np.full(len(groups), NOTHING)  # before which a group's items are settled
    ends_ms[number[: len(before)]] = before[:, 2].astype(np.int64)
    number = number[len(before) :]
    left = np.flatnonzero(times_ms >= ends_ms[number])
    found: list[Matches] = []
    absent_ms = [np.empty(0, np.int64)]
    # Invariant: items not in `left` are settled; of a group there may be several lists, one after the other.
    while True:
        first_ms = np.full(len(groups), _NEVER_MS)
        np.minimum.at(first_ms, number[left], times_ms[left])
        due = first_ms < span_ms[1]
        if not due.any():
            break
        ends_ms[due] = first_ms[due] + long_ms
        taken = due[number[left]] & (times_ms[left] < ends_ms[number[left]])
        rows, left = left[taken], left[~taken]
        at_ms = first_ms[number[rows]]
        # A label may come a pane before its prediction; older ones are of another list of the group.
        labels_ms, given = label_of(hashes[rows], at_ms - at_ms % pane_ms - pane_ms, at_ms + mature_ms)
        without = labels_ms == NOTHING
        outcomes = np.where(without, np.nan if absent is None else absent, given)
        found.append(Matches(hashes[rows], at_ms, at_ms + mature_ms, data[rows], label_data(outcomes)))
        if absent is not None:
            absent_ms.append(at_ms[without][np.unique(hashes[rows][without], return_index=True)[1]])
    later = np.zeros(len(groups), np.bool_)  # those that have items which are settled before they are old enough
    later[number[times_ms >= span_ms[1]]] = True
    later &= ends_ms > span_ms[1]
    _keep(kept, np.column_stack([groups[later], ends_ms[later]]))
    return found, np.concatenate(absent_ms)


def clear(kept: Kept) -> None:
    """Remove everything."""
    if _GROUPS in kept:
        del kept[_GROUPS]


def _keep(kept: Kept, rows: Floats) -> None:
    if len(rows):
        kept[_GROUPS] = rows.astype("<f8").tobytes()
    else:
        clear(kept)


def _rows(kept: Kept, head: Head, from_ms: int, to_ms: int) -> tuple[Hashes, Ints, Bytes]:
    """Predictions made in a span: hashes, times and data."""
    parts = []
    for block in head.blocks:
        if block.last_ms < from_ms or block.first_ms >= to_ms:
            continue
        data = join_state.read_data(kept, block)
        of_block, made_ms = join_state.read_block(kept, block)
        rows = np.flatnonzero((made_ms >= from_ms) & (made_ms < to_ms))
        if data.shape[1] >= FEWEST and len(rows):
            parts.append((of_block[rows], made_ms[rows], data[rows]))
    if not parts:
        return np.empty(0, np.uint64), np.empty(0, np.int64), np.empty((0, FEWEST), np.uint8)
    hashes, times, datas = zip(*parts, strict=True)
    width = max(data.shape[1] for data in datas)
    # From before a change of the configuration: in no segment of the ways of slicing that came with it.
    wide = [np.pad(data, ((0, 0), (0, width - data.shape[1])), constant_values=_NO_SEGMENT) for data in datas]
    return np.concatenate(hashes), np.concatenate(times), np.concatenate(wide)
