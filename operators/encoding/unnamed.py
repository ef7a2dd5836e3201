"""Unnamed values: categories that have no name in the reference, and what they are called, by a sample.

A slide keeps the names of some of them: of those records whose hashes are the smallest. As the hash of a record has
nothing to do with its value, it is a random sample; and it is the same whatever the batches, panes and processes, as
the smallest of some are the smallest of the smallest of their parts. With few such records all of them are in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

MOST = 32  # names of a signal in a slide: fewer, and only the most frequent are ever told; more is state of each key
LONGEST = 100  # characters of a name that are kept; an ellipsis stands for the rest
BYTES = MOST * (4 * LONGEST + 16)  # of a signal's sample at most

Names: TypeAlias = dict[int, list[tuple[int, str]]]  # position of the signal -> (hash of the record, name), ascending


def smallest(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Positions of the hashes that may be in the sample: the smallest, and all that are equal to the last of them.

    >>> smallest(np.arange(100, dtype=np.uint64)[::-1]).tolist() == list(range(68, 100))
    True
    """
    if len(hashes) <= MOST:
        return np.arange(len(hashes))
    return np.flatnonzero(hashes <= np.partition(hashes, MOST - 1)[MOST - 1])


def sample(hashes: Iterable[int], names: Iterable[str]) -> list[tuple[int, str]]:
    """The sample of some records.

    >>> sample([3, 1], ["gold", "x" * 200])[1], len(sample([1], ["x" * 200])[0][1])
    ((3, 'gold'), 101)
    """
    cut = (name if len(name) <= LONGEST else name[:LONGEST] + "…" for name in names)
    return sorted(zip(hashes, cut, strict=True))[:MOST]


def merged(parts: Iterable[Mapping[int, Sequence[tuple[int, str]]]]) -> Names:
    """The sample of the records of all parts."""
    found: Names = {}
    for part in parts:
        for position, names in part.items():
            found.setdefault(position, []).extend((int(hash_), name) for hash_, name in names)
    return {position: sorted(names)[:MOST] for position, names in sorted(found.items())}


def estimates(slides: Iterable[tuple[int, Sequence[tuple[int, str]]]], least: int) -> list[tuple[str, float]]:
    """How many records of a window have each name, about; most first.

    Parameters
    ----------
    slides
        Of each slide, how many of its values have no name in the reference, and the sample of them.
    least
        Only names that so many records of the samples have: then as many have it for certain.

    Examples
    --------
    >>> estimates([(100, [(1, "gold"), (2, "tin")]), (3, [(5, "gold")] * 3)], least=2)
    [('gold', 53.0)]
    """
    told: Counter[str] = Counter()
    about: Counter[str] = Counter()
    for values, names in slides:
        for _, name in names:
            told[name] += 1
            about[name] += values / len(names)  # type: ignore[assignment]  # a Counter of floats
    kept = [(name, float(about[name])) for name, seen in told.items() if seen >= least]
    return sorted(kept, key=lambda one: (-one[1], one[0]))
