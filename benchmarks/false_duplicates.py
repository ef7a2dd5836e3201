"""False alarms of ids that come again against what is promised: ``python -m benchmarks.false_duplicates``.

Streams in which as many ids come again as in their reference go through `seen.look`, slide by slide, with a memory that
is too small for all of them, and through the test as the monitor makes it. Everything follows from ``--seed``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from benchmarks import rates
from operators.hashing import hash64
from operators.profiles.duplicates import IdSample
from operators.quality.signals import tau_of
from operators.sketches.seen import Seen, look
from operators.statistics.shares import tails

REFERENCE = 20_000  # records, one a second
SLIDE, WINDOW = 100, 12  # records a slide, slides a window
SLIDES = 3_000  # of each reference
MEMORY = 400  # ids: a third of a window's
LEVELS = (1e-2, 1e-3)

Ints = npt.NDArray[np.int64]
Draw = Callable[[np.random.Generator, int], Ints]


def _independent(share: float) -> Draw:
    """So many records repeat one of the 300 before them."""

    def draw(rng: np.random.Generator, count: int) -> Ints:
        ids = np.arange(count)
        for at in np.flatnonzero(rng.random(count) < share).tolist():
            ids[at] = ids[max(at - int(rng.integers(1, 300)), 0)]
        return ids

    return draw


def _batches(share: float, length: int) -> Draw:
    """Runs of so many records on average are sent twice, one after the other."""

    def draw(rng: np.random.Generator, count: int) -> Ints:
        ids = np.arange(count)
        for at in np.flatnonzero(rng.random(count) < share / length).tolist():
            many = min(int(rng.geometric(1 / length)), at, count - at)
            ids[at : at + many] = ids[at - many : at]
        return ids

    return draw


FAMILIES: dict[str, Draw] = {
    "none": _independent(0.0),
    "independent .001": _independent(0.001),
    "independent .02": _independent(0.02),
    "independent .2": _independent(0.2),
    "batches of 10, .02": _batches(0.02, 10),
    "batches of 50, .05": _batches(0.05, 50),
}


def _hashes(ids: Ints, stream: int) -> npt.NDArray[np.uint64]:
    return hash64([b"%d-%d" % (stream, one) for one in ids.tolist()])


def measured(family: str, references: int, seed: int) -> dict[str, object]:
    """Evaluations over a level, over the promised number."""
    rng = np.random.default_rng([seed, list(FAMILIES).index(family)])
    draw = FAMILIES[family]
    exceeded = dict.fromkeys(LEVELS, 0)
    evaluations = 0
    span_ms = 1_000 * SLIDE * WINDOW
    for reference in range(references):
        sample = IdSample()
        sample.add([str(one) for one in draw(rng, REFERENCE).tolist()], 1_000 * np.arange(REFERENCE))
        share = sample.share(span_ms)
        assert share is not None, "all records have ids"
        hashes = _hashes(draw(rng, SLIDE * SLIDES), reference).reshape(SLIDES, SLIDE)
        known, counted = Seen(), np.zeros((SLIDES, 2))
        for slide in range(SLIDES):
            times_ms = 1_000 * (slide * SLIDE + np.arange(SLIDE))
            known, again, chosen = look(known, hashes[slide], times_ms, span_ms, MEMORY)
            counted[slide] = again.sum(), chosen.sum()
        sums = np.cumsum(np.vstack([np.zeros((1, 2)), counted]), axis=0)
        found, records = (sums[WINDOW:] - sums[:-WINDOW])[WINDOW:].T  # once the memory is full
        tau = np.array([tau_of(share.calibration, many, share.found, share.records) for many in records])
        of = np.full(len(found), float(share.found)), np.full(len(found), float(share.records))
        rise, _ = tails(np.ascontiguousarray(found), np.ascontiguousarray(records), *of, tau)
        evaluations += len(found)
        for level in LEVELS:
            exceeded[level] += int((rise < level).sum())
    return {"family": family} | {f"at {level:g}": exceeded[level] / (level * evaluations) for level in LEVELS}


def main() -> None:
    """Print a table, or JSON."""
    rates.main(
        "false_duplicates",
        measured,
        FAMILIES,
        {"references": (10, f"of each family, each for {SLIDES:,} slides")},
        [f"at {level:g}" for level in LEVELS],
    )


if __name__ == "__main__":
    main()
