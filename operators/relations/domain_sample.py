"""The sample of the reference that a domain classifier learns from, and the one that it is judged by.

They are of different stretches of the reference: where records follow each other, what lies between two that were
learned from would be known as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from operators.relations.domain_cells import Cells, closest_pairs
from schemas.profile import DomainSample, Relations, Signal

FEATURE = "feature."
RECORDS = 4_000  # of both together, so many bytes for each feature; with fewer, smaller differences go unseen
STRETCHES = 16  # by turns of the one and of the other; more: shorter ones, in which records are more alike
_GOLDEN = np.uint64(11400714819323198485)  # 2^64 over the golden ratio: multiples of it lie apart (Knuth 6.4)

Codes = npt.NDArray[np.uint8]


def fit_sample(signals: Mapping[str, Signal], relations: Relations, codes: Codes) -> DomainSample:
    """Take the sample.

    Parameters
    ----------
    signals
        Features of the profile by name.
    relations
        Of them, which say which of them vary.
    codes : uint8, shape (records, features)
        Of reference records, in the order of time.
    """
    names = list(signals)
    rows = codes[:, [names.index(name) for name in relations.columns]]
    stretch = np.arange(len(rows)) * STRETCHES // max(len(rows), 1)
    halves = [_spread(np.flatnonzero(stretch % 2 == side)) for side in (0, 1)]
    learned, held = (rows[positions] for positions in halves)
    pairs = closest_pairs([signals[name] for name in relations.columns], learned)
    return DomainSample(
        learned=len(learned),
        codes=np.concatenate([learned, held]).tobytes(),
        pairs=pairs.astype("<u2").tobytes(),
        share=float(f"{len(held) / max(len(rows) / 2, 1):.6g}"),
    )


def _spread(positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """At most half of `RECORDS`, evenly from all of them, in an order in which neighbours lie far apart."""
    many = min(len(positions), RECORDS // 2)
    taken = positions[np.arange(many) * len(positions) // max(many, 1)]
    order = np.argsort(np.arange(many, dtype=np.uint64) * _GOLDEN, kind="stable")
    return np.asarray(taken[order], np.int64)


class DomainReference(NamedTuple):
    """What a model's classifier learns from and is judged by."""

    names: tuple[str, ...]  # of the features, without what they begin with
    positions: npt.NDArray[np.int64]  # of their codes among those of a record
    cells: Cells
    learned: npt.NDArray[np.int32]  # (records, features and pairs), see `Cells.keys`
    held: npt.NDArray[np.int32]
    share: float  # of the records of its stretches that `held` has


def domain_reference(
    told: DomainSample, known: Relations, signals: Mapping[str, Signal], order: Sequence[str]
) -> DomainReference | None:
    """What a profile has of it, for the features among ``order``, the signals that records have codes of.

    None where fewer than two features vary, or there are hardly any records.
    """
    kept = np.array([number for number, name in enumerate(known.columns) if name in order], np.int64)
    names = [name for name in known.columns if name in order]
    if len(names) < 2:
        return None
    rows = np.frombuffer(told.codes, np.uint8).reshape(-1, max(len(known.columns), 1))[:, kept]
    pairs = np.frombuffer(told.pairs, "<u2").astype(np.int64).reshape(-1, 2)
    place = np.full(len(known.columns) + 1, -1)
    place[kept] = np.arange(len(kept))
    pairs = place[pairs]
    cells = Cells([signals[name] for name in names], pairs[(pairs >= 0).all(axis=1)])
    keys = cells.keys(rows)
    if not 0 < told.learned < len(keys):
        return None
    return DomainReference(
        names=tuple(name.removeprefix(FEATURE) for name in names),
        positions=np.array([order.index(name) for name in names], np.int64),
        cells=cells,
        learned=keys[: told.learned],
        held=keys[told.learned :],
        share=told.share,
    )
