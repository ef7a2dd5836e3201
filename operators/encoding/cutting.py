"""Where the records of a batch are cut into chunks: by group, and where a chunk would become too long."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def cut(groups: Ints, most: int) -> tuple[Ints, Ints, bool]:
    """Bring records into the order of their groups, and cut there.

    Parameters
    ----------
    groups : int64, shape (records,)
        At least one.
    most
        Records of a chunk.

    Returns
    -------
    order : int64, shape (records,)
        Positions of the records; of a group in the order that they have.
    ends : int64, shape (chunks,)
        Where in that order each chunk ends.
    moved : bool
        Whether there is another order than before; where all records are of one group there is not.

    Examples
    --------
    >>> cut(np.array([1, 0, 1, 1]), 2)
    (array([1, 0, 2, 3]), array([1, 3, 4]), True)
    """
    moved = not bool((groups == groups[0]).all())
    order = np.argsort(groups, kind="stable") if moved else np.arange(len(groups))
    return order, _ends(groups[order], most), moved


def _ends(ordered: Ints, most: int) -> Ints:
    """Where chunks end: with their group, or when they have the most records that they may."""
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, len(ordered))
    starts = np.append(0, ends[:-1])
    if int((ends - starts).max()) <= most:
        return ends
    cuts = [cut for a, b in zip(starts, ends, strict=True) for cut in (*range(a + most, b, most), b)]
    return np.array(cuts, np.int64)
