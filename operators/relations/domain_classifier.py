"""Domain classifier: can records of the stream be told from the reference's?

River's logistic regression over the cells of a record (domain_cells.py), by stochastic gradients with AdaGrad (Duchi,
Hazan & Singer 2011, JMLR 12), learns a bounded sample of each slide against as many records of the reference. Before it
learns a slide it scores it, beside reference records that it never learns from (prequential; Dawid 1984, J. R. Stat.
Soc. A 147): without drift all of them are drawn from one distribution whatever it has learned, and the share of pairs
that it puts in the right order, the area under the ROC curve, is that of the Mann-Whitney statistic.

AdaGrad's steps become the smaller, the more it has seen, so every `AGE` records of the stream another one begins, and
takes over when it is as old: what has learned for months is no worse at what is new.

The sample are the records of a slide whose hashes are lowest, so it does not depend on batches or parallelism.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from operators.detectors import river
from operators.encoding.chunks import Pane
from operators.encoding.codes import ABSENT
from operators.relations.domain_sample import DomainReference

SAMPLE = 200  # records of a slide; each takes about 15 microseconds, and 2 for each pair of features
AGE = 2_000  # records of the stream: of fewer it has learned little, with more it is slower to learn what is new
STEP = 0.05  # of AdaGrad; with 0.1 about the same is found, shifts of single features later
UNIT = 1 << 24  # of weights: sums of whole numbers are the same in any order


class DomainState(msgspec.Struct, array_like=True):
    """What is kept of a key: the sample of the open slide, and two classifiers."""

    hashes: bytes = b""  # u64, ascending
    codes: bytes = b""  # u8 (records, features)
    age: int = 0  # records of the stream that the older one has learned
    older: bytes = b""
    younger: bytes = b""
    place: int = 0  # of the reference record that is learned next


def sampled(state: DomainState, reference: DomainReference, pane: Pane) -> None:
    """Take records of a pane into the sample of the open slide; of sources that carry all of the features."""
    assert pane.hashes is not None, "they are asked for where there is a classifier"
    codes = pane.codes[:, reference.positions]
    carried = np.flatnonzero((codes != ABSENT).all(axis=1))
    codes, hashes = codes[carried], pane.hashes[carried]
    known = np.frombuffer(state.hashes, np.uint64)
    rows = np.frombuffer(state.codes, np.uint8).reshape(len(known), len(reference.positions))
    new = np.arange(len(hashes))
    if len(known) == SAMPLE:
        new = np.flatnonzero(hashes < known[-1])
    together = np.concatenate([known, hashes[new]])
    order = np.argsort(together, kind="stable")[:SAMPLE]
    both = np.concatenate([rows, codes[new]])
    state.hashes, state.codes = together[order].tobytes(), both[order].tobytes()


def judged(state: DomainState, reference: DomainReference) -> list[int]:
    """Score the sample of a slide, then learn it; the state is ready for the next slide.

    Returns
    -------
    list of int
        Records that were scored; the sum of their ranks, twice the number of held records below each and one for each
        beside it; of each feature what it added to the scores, and then what it adds to as many held records, both in
        units of 1 / `UNIT`. Nothing where the classifier had learned nothing yet.
    """
    codes = np.frombuffer(state.codes, np.uint8).reshape(-1, len(reference.positions))
    keys = reference.cells.keys(codes)
    older = _read(state.older)
    if older is None and state.older:
        state.age, state.younger = 0, b""  # another version of river wrote it
    found = _scored(older, reference, keys) if older is not None and len(keys) else []
    younger = _read(state.younger)
    if younger is None and state.age >= AGE:
        younger, state.younger = _start(), b""
    older = older or _start()
    for row in keys.tolist():
        other = reference.learned[state.place % len(reference.learned)].tolist()
        state.place = (state.place + 1) % len(reference.learned)
        for learner in (older,) if younger is None else (older, younger):
            learner.learn_one(dict.fromkeys(other, 1.0), False)
            learner.learn_one(dict.fromkeys(row, 1.0), True)
    state.age += len(keys)
    if state.age >= 2 * AGE and younger is not None:
        older, younger, state.age = younger, None, state.age - AGE
    state.older, state.younger = river.pack(older), b"" if younger is None else river.pack(younger)
    state.hashes = state.codes = b""
    return found


def _scored(learner: Any, reference: DomainReference, keys: npt.NDArray[np.int32]) -> list[int]:
    weights = np.zeros(reference.cells.size, np.int64)
    learnt = dict(learner.weights)
    weights[list(learnt)] = np.rint(np.array(list(learnt.values())) * UNIT)
    now, then = weights[keys], weights[reference.held]
    held, scores = np.sort(then.sum(axis=1)), now.sum(axis=1)
    ranks = np.searchsorted(held, scores, "left") + np.searchsorted(held, scores, "right")
    added = reference.cells.by_feature(now.sum(axis=0).astype(np.float64))
    usual = reference.cells.by_feature(then.sum(axis=0).astype(np.float64)) * (len(keys) / len(held))
    return [
        len(keys),
        int(ranks.sum()),
        *np.rint(added).astype(np.int64).tolist(),
        *np.rint(usual).astype(int).tolist(),
    ]


def _start() -> Any:
    from river import linear_model, optim  # takes a second, and few jobs ask for it

    return linear_model.LogisticRegression(optim.AdaGrad(STEP))


def _read(data: bytes) -> Any:
    """The classifier that was made into bytes; None of no bytes, and of another version's of river."""
    return river.read(data, "multivariate.classifier") if data else None
