"""False alarms of quality signals against what is promised: ``python -m benchmarks.false_quality``.

Records that are of a kind or not (missing, say) go through the test as the monitor makes it, window by window, in as
many days as are asked for. Everything follows from ``--seed``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter
from scipy.stats import norm

from benchmarks import rates
from operators.calibration import CONFIRM_FACTORS
from operators.profiles.dependence import calibrate, unknown
from operators.quality.signals import as_signal, few_bursts, tau_of
from operators.sketches import octaves, share_octaves
from operators.sketches.share_octaves import KIND, NEITHER, OTHER, Shares
from operators.statistics.shares import tails

REFERENCE = 20_000  # records
SLIDE, WINDOW = 100, 12  # records a slide, slides a window
SLIDES_A_DAY = 24 * 60 // 5
SIGNALS = 15  # that share a budget of one false episode a day
DAYS = 20  # of each reference
CONFIRM = 2
LEVELS = (1e-2, 1e-3)

Flags = npt.NDArray[np.bool_]
Draw = Callable[[np.random.Generator, int], Flags]


def _independent(share: float) -> Draw:
    return lambda rng, count: rng.random(count) < share


def _runs(share: float, length: int, *, equal: bool = False) -> Draw:
    """So many records, in runs of so many on average."""

    def draw(rng: np.random.Generator, count: int) -> Flags:
        found = np.zeros(count, np.bool_)
        for start in np.flatnonzero(rng.random(count) < share / length).tolist():
            found[start : start + (length if equal else int(rng.geometric(1 / length)))] = True
        return found

    return draw


def _below(share: float, rho: float) -> Draw:
    """Where a series of which each value is rho times the one before it, and something new, is low."""

    def draw(rng: np.random.Generator, count: int) -> Flags:
        warm = int(20 / (1 - rho))
        series = lfilter([np.sqrt(1 - rho**2)], [1, -rho], rng.normal(size=count + warm))[warm:]
        return np.asarray(series < norm.ppf(share), np.bool_)

    return draw


FAMILIES: dict[str, Draw] = {
    "independent .01": _independent(0.01),
    "independent .3": _independent(0.3),
    "independent .0001": _independent(1e-4),
    "runs 10, .02": _runs(0.02, 10),
    "runs 50, .05": _runs(0.05, 50),
    "equal runs 50, .02": _runs(0.02, 50, equal=True),
    "ar .9, .05": _below(0.05, 0.9),
    "ar .98, .05": _below(0.05, 0.98),
    "ar .9, .4": _below(0.4, 0.9),
}


def measured(family: str, references: int, shuffled: int, seed: int) -> dict[str, object]:
    """Evaluations over a level, over the promised number, and episodes over their share of the budget."""
    rng = np.random.default_rng([seed, list(FAMILIES).index(family)])
    draw = FAMILIES[family]
    exceeded = dict.fromkeys(LEVELS, 0)
    evaluations = episodes = 0
    level = CONFIRM_FACTORS[CONFIRM] / SLIDES_A_DAY / SIGNALS
    for _ in range(references):
        reference = draw(rng, REFERENCE)
        known = int(reference.sum())
        kind = as_signal(known, REFERENCE)
        calibration = calibrate(kind, reference.astype(np.uint8)) if 0 < known < REFERENCE else unknown(REFERENCE)
        records = float(SLIDE * WINDOW)
        stream = draw(rng, DAYS * SLIDES_A_DAY * SLIDE).reshape(-1, SLIDE)
        slides = stream.sum(axis=1)
        if shuffled:
            tau = _told(stream, known, records)[WINDOW - 1 :]
        else:
            tau = np.full(len(slides) - WINDOW + 1, tau_of(calibration, records, known, REFERENCE))
        sums = np.cumsum(np.append(0, slides))
        found = (sums[WINDOW:] - sums[:-WINDOW]).astype(np.float64)
        about = (np.full(len(found), value) for value in (records, float(known), float(REFERENCE)))
        p_value = np.minimum(1.0, 2 * np.minimum(*tails(found, *about, tau)))
        evaluations += len(found)
        for one in LEVELS:
            exceeded[one] += int((p_value < one).sum())
        over = p_value < level
        agreed = np.append(False, over[1:] & over[:-1])  # two in a row
        episodes += int((agreed[1:] & ~agreed[:-1]).sum())
    promised = evaluations / SLIDES_A_DAY / SIGNALS
    return {
        "family": family,
        **{f"at {one:g}": exceeded[one] / (one * evaluations) for one in LEVELS},
        "episodes": episodes,
        "of_budget": episodes / promised,
    }


def _told(stream: Flags, known: int, records: float) -> npt.NDArray[np.float64]:
    """What the stream tells of tau at the end of each slide."""
    state, of = Shares(1), np.clip([known / REFERENCE], 0.5 / REFERENCE, 1 - 0.5 / REFERENCE)
    kinds = np.array([[OTHER, KIND, *[NEITHER] * 254]], np.uint8)
    found = []
    for slide in stream:
        share_octaves.follow(state, slide.astype(np.uint8)[:, None].copy(), np.zeros(1, np.int64), kinds, of)
        tau, _ = octaves.curves_of(*share_octaves.squares(state, of), 4 * of * (1 - of))
        found.append(tau[0, int(np.log2(records)) - 1])
    told = np.array(found)
    return np.where(told > 1, (1 + few_bursts(told, np.array(known), np.array(REFERENCE))) * told, 1.0)


def main() -> None:
    """Print a table, or JSON."""
    rates.main(
        "false_quality",
        measured,
        FAMILIES,
        {
            "references": (10, f"of each family, each for {DAYS} days"),
            "shuffled": (0, "1: references in no known order, so that the stream has to tell of bursts"),
        },
        [*(f"at {level:g}" for level in LEVELS), "of_budget"],
    )


if __name__ == "__main__":
    main()
