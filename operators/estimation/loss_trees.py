"""Loss trees: how large the error of a predicted number is to be expected, from the codes of the record's features.

Nodes, 16 bytes each, little-endian: value f64, children u16 and u16 (from the tree's first node), feature u16, code u8,
flags u8 (LEAF, MISSING_LEFT). A record goes left where its code is at most the node's; what is no value of the feature,
or not carried, goes where missing values go.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from operators.encoding.codes import ABSENT, CODES, INVALID, MISSING
from operators.jit import kernel
from schemas.profile import LossTrees

LEAF, MISSING_LEFT = 1, 2  # flags
NODE = np.dtype(
    [("value", "<f8"), ("left", "<u2"), ("right", "<u2"), ("feature", "<u2"), ("code", "u1"), ("flags", "u1")]
)
GAPS = np.isin(np.arange(CODES), (ABSENT, INVALID, MISSING))  # codes of what is not there

Floats = npt.NDArray[np.float64]


class LossModel:
    """Evaluates the trees of a profile on rows of codes.

    Parameters
    ----------
    trees
        Of the profile.
    columns
        Of each signal that the trees ask, by name, its column of the codes.
    """

    def __init__(self, trees: LossTrees, columns: dict[str, int]) -> None:
        nodes = np.frombuffer(trees.nodes, NODE)
        self._start = trees.start
        self._values = nodes["value"].copy()  # of the bytes themselves it would be read-only, and compiled for again
        ways = np.column_stack([nodes[name].astype(np.int64) for name in ("left", "right", "feature", "code")])
        self._ways = np.ascontiguousarray(ways)  # columns that are stacked may lie one after the other
        self._ways[:, 2] = np.array([columns[name] for name in trees.features], np.int64)[self._ways[:, 2]]
        self._flags = nodes["flags"].copy()
        self._roots = np.frombuffer(trees.roots, "<u4").astype(np.int64)
        self._gaps = GAPS.copy()

    def losses(self, codes: npt.NDArray[np.uint8]) -> Floats:
        """Expected error of each record, at least 0.

        Parameters
        ----------
        codes : uint8, shape (records, signals), C-contiguous
        """
        found = np.full(len(codes), self._start)
        _add(codes, self._values, self._ways, self._flags, self._roots, self._gaps, found)
        return np.maximum(found, 0.0)


@kernel
def _add(codes, values, ways, flags, roots, gaps, found):  # type: ignore[no-untyped-def]
    for i in range(codes.shape[0]):
        total = found[i]
        for root in roots:
            node = root
            while not flags[node] & LEAF:
                code = codes[i, ways[node, 2]]
                left = bool(flags[node] & MISSING_LEFT) if gaps[code] else code <= ways[node, 3]
                node = root + ways[node, 0] if left else root + ways[node, 1]
            total += values[node]
        found[i] = total


def warm() -> None:
    """Compile the kernel, which models that predict classes do not come to."""
    leaf = np.zeros(1, NODE)
    leaf["flags"] = LEAF
    LossModel(packed(("feature.a",), 0.0, [leaf]), {"feature.a": 0}).losses(np.zeros((1, 1), np.uint8))


def sound(trees: LossTrees) -> bool:
    """Whether bytes are trees that end: children come after their parents and inside of their tree."""
    if len(trees.nodes) % NODE.itemsize or not trees.roots or len(trees.roots) % 4:
        return False
    nodes = np.frombuffer(trees.nodes, NODE)
    edges = [*np.frombuffer(trees.roots, "<u4").astype(np.int64).tolist(), len(nodes)]
    if edges[0] != 0 or any(one >= after for one, after in pairwise(edges)) or not np.isfinite(nodes["value"]).all():
        return False
    for one, after in pairwise(edges):
        inner = np.flatnonzero(~(nodes["flags"][one:after] & LEAF).astype(np.bool_))
        tree = nodes[one:after][inner]
        children = np.concatenate([tree["left"], tree["right"]]).astype(np.int64)
        if (children <= np.tile(inner, 2)).any() or (children >= after - one).any():
            return False
        if (tree["feature"] >= len(trees.features)).any():
            return False
    return True


def packed(features: tuple[str, ...], start: float, trees: list[npt.NDArray[Any]]) -> LossTrees:
    """Trees, each an array of `NODE`, as the profile has them."""
    sizes = [0, *np.cumsum([len(tree) for tree in trees]).tolist()]
    return LossTrees(
        features=features,
        start=start,
        nodes=np.concatenate(trees).tobytes(),
        roots=np.array(sizes[:-1], "<u4").tobytes(),
    )
