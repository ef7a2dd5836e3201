"""Numbers said to stand still that do not, against what is promised: ``python -m benchmarks.false_frozen``.

Series like their reference go through `runs.Runs`, slide by slide. Everything follows from ``--seed``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from benchmarks import rates
from operators.statistics.runs import Runs, runs

REFERENCE = 20_000  # values
SLIDE = 25  # values: few, so that a slide of one value is no rarity
SLIDES = 20_000  # of each reference
LEVELS = (1e-2, 1e-3, 1e-4)

Codes = npt.NDArray[np.uint8]
Draw = Callable[[np.random.Generator, int], Codes]


def _independent(share: float) -> Draw:
    """One value of so large a share, and others."""

    def draw(rng: np.random.Generator, count: int) -> Codes:
        return np.where(rng.random(count) < share, 0, rng.integers(1, 100, count)).astype(np.uint8)

    return draw


def _held(length: float, *, equal: bool = False) -> Draw:
    """Each value comes so often, on average or always, before another one does."""

    def draw(rng: np.random.Generator, count: int) -> Codes:
        many = int(1.1 * count / length) + 200
        lengths = np.full(many, int(length)) if equal else rng.geometric(1 / length, many)
        return rng.integers(0, 100, many).astype(np.uint8).repeat(lengths)[:count]

    return draw


def _coarse(rho: float, steps: float) -> Draw:
    """A series of which each value is rho times the one before it, and something new, in steps of so many sd."""

    def draw(rng: np.random.Generator, count: int) -> Codes:
        warm = int(20 / (1 - rho))
        series = lfilter([np.sqrt(1 - rho**2)], [1, -rho], rng.normal(size=count + warm))[warm:]
        return np.asarray(np.clip(np.round(series / steps) + 100, 0, 249), np.uint8)

    return draw


def _nights(rng: np.random.Generator, count: int) -> Codes:
    """Nothing for 80 to 120 of 200 values, then something."""
    found = rng.integers(1, 100, count).astype(np.uint8)
    for start in range(0, count, 200):
        found[start : start + int(rng.integers(80, 121))] = 0
    return found


FAMILIES: dict[str, Draw] = {
    "independent, .5": _independent(0.5),
    "independent, .9": _independent(0.9),
    "independent, .99": _independent(0.99),
    "held for 10": _held(10),
    "held for 50": _held(50),
    "held for exactly 50": _held(50, equal=True),
    "ar .99, steps of .5 sd": _coarse(0.99, 0.5),
    "ar .999, steps of 1 sd": _coarse(0.999, 1.0),
    "nights of 80 to 120": _nights,
}


def measured(family: str, references: int, seed: int) -> dict[str, object]:
    """Slides over a level, over the promised number."""
    rng = np.random.default_rng([seed, list(FAMILIES).index(family)])
    exceeded = dict.fromkeys(LEVELS, 0)
    for _ in range(references):
        reference = FAMILIES[family](rng, REFERENCE)
        many, longest, _, _ = runs(reference)
        known = Runs(many, longest, np.bincount(reference, minlength=256).astype(np.float64))
        slides = FAMILIES[family](rng, SLIDE * SLIDES).reshape(SLIDES, SLIDE)
        still = (slides == slides[:, :1]).all(axis=1)
        same = np.append(False, slides[1:, 0] == slides[:-1, -1])
        bounds = {level: known.bound(level) for level in LEVELS}
        values = 0
        for one, joined in zip(still.tolist(), same.tolist(), strict=True):
            values = SLIDE + (values if joined else 0) if one else 0
            for level in LEVELS:
                exceeded[level] += values >= bounds[level]
    return {"family": family} | {f"at {level:g}": exceeded[level] / (level * references * SLIDES) for level in LEVELS}


def main() -> None:
    """Print a table, or JSON."""
    rates.main(
        "false_frozen",
        measured,
        FAMILIES,
        {"references": (20, f"of each family, each for {SLIDES:,} slides")},
        [f"at {level:g}" for level in LEVELS],
    )


if __name__ == "__main__":
    main()
