"""Groups: the items that a ranking model put in order together, by what their records have at `fields.group`.

An item is known by its group and its id, so that an id may be in many groups. All items of a group, and their labels,
are in one range of the join, and in the sample or not.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from operators.hashing import hash64, hash_rows
from operators.reading.columns import Column, distinct, names
from operators.reading.values import Gap

Hashes = npt.NDArray[np.uint64]


def group_hashes(column: Column) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    """Hashes of the groups of records, and which records have one.

    >>> hashes, there = group_hashes(["q1", 7, "7", None])
    >>> bool(hashes[1] == hashes[2]), there.tolist()
    (True, [True, True, True, False])
    """
    shown, positions = distinct(column)
    texts = names(shown)
    there = np.array([not isinstance(text, Gap) for text in texts], np.bool_)
    hashes = hash64([b"" if isinstance(text, Gap) else text.encode("utf-8", "surrogatepass") for text in texts])
    return hashes[positions], there[positions]


def item_hashes(groups: Hashes, ids: Hashes) -> Hashes:
    """What items are known by, from the hashes of their groups and ids."""
    return hash_rows(np.column_stack([groups, ids]))


def group_numbers(groups: Hashes) -> npt.NDArray[np.float64]:
    """Groups as numbers that stand among outcomes: their first 53 bits, exact in a float."""
    return (groups >> np.uint64(11)).astype(np.float64)
