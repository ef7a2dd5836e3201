"""False episodes of the volume against what is promised: ``python -m benchmarks.false_volume``.

Streams whose rate is what it always was go through `volume.step`, slide by slide. Everything follows from ``--seed``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from benchmarks import rates
from config.plan import AlarmsPlan, FeaturePlan, ModelPlan, QualityPlan, SeasonPlan, WindowPlan
from operators.calibration import evaluation_level
from operators.decisions.outputs import Progress
from operators.quality import volume

MINUTE_MS, DAY_MS = 60_000, 86_400_000
SLIDE_MS, SLIDES_A_DAY = 5 * MINUTE_MS, 288
TESTS = 15  # that share a budget of one false episode a day
FIRST_MS = 1_767_571_200_000  # Monday, 5 January 2026

Counts = npt.NDArray[np.int64]
Draw = Callable[[np.random.Generator, Counts], Counts]


def _bursts(size: float, rho: float) -> Callable[[np.random.Generator, int], npt.NDArray[np.float64]]:
    """Factors around 1, lognormal, each near the one before it."""

    def draw(rng: np.random.Generator, count: int) -> npt.NDArray[np.float64]:
        warm = int(20 / (1 - rho))
        series = lfilter([np.sqrt(1 - rho**2)], [1, -rho], rng.normal(size=count + warm))[warm:]
        return np.asarray(np.exp(size * series - size**2 / 2), np.float64)

    return draw


def _independent(rate: float) -> Draw:
    return lambda rng, slides: rng.poisson(rate, len(slides))


def _bursty(rate: float, size: float, rho: float) -> Draw:
    return lambda rng, slides: rng.poisson(rate * _bursts(size, rho)(rng, len(slides)))


def _week(rng: np.random.Generator, slides: Counts) -> Counts:
    """Five times as many by day as by night, and four tenths of it at weekends."""
    day = 1 + 0.67 * np.sin(2 * np.pi * slides / SLIDES_A_DAY)
    rest = np.where(slides // SLIDES_A_DAY % 7 >= 5, 0.4, 1.0)
    return np.asarray(rng.poisson(100 * day * rest * _bursts(0.15, 0.95)(rng, len(slides))), np.int64)


def _hourly(rng: np.random.Generator, slides: Counts) -> Counts:
    return np.asarray(np.where(slides % 12 == 0, rng.poisson(1_000, len(slides)), 0), np.int64)


FAMILIES: dict[str, tuple[Draw, bool]] = {  # and whether the season is known
    "5 a slide": (_independent(5.0), False),
    "1,000 a slide": (_independent(1_000.0), False),
    "one in 4 slides": (_independent(0.25), False),
    "negative binomial": (lambda rng, slides: rng.negative_binomial(2, 2 / 102, len(slides)), False),
    "bursts of 50 minutes": (_bursty(100.0, 0.5, 0.9), False),
    "bursts of 8 hours": (_bursty(100.0, 0.3, 0.99), False),
    "bursts of 2 days": (_bursty(100.0, 0.3, 0.998), False),
    "hourly batches": (_hourly, False),
    "week, no season": (_week, False),
    "week, season": (_week, True),
}


def measured(family: str, streams: int, days: int, seed: int) -> dict[str, object]:
    """Episodes over their share of the budget."""
    draw, season = FAMILIES[family]
    alarms = AlarmsPlan(budget=1.0, period_ms=DAY_MS, confirm=2, recover=3, min_effect="negligible", critical="large")
    model = ModelPlan(
        name="model",
        window=WindowPlan(size_ms=12 * SLIDE_MS, slide_ms=SLIDE_MS, min_count=1, grow_to_ms=12 * SLIDE_MS),
        alarms=alarms,
        features=(FeaturePlan(name="a", type="numeric"),),
        season=SeasonPlan(period_ms=7 * DAY_MS, bins=168) if season else None,
        quality=QualityPlan(),
    )
    level = evaluation_level(alarms, alarms.budget, TESTS, SLIDE_MS)
    episodes = 0
    for stream in range(streams):
        rng = np.random.default_rng([seed, list(FAMILIES).index(family), stream])
        slides = np.arange(days * SLIDES_A_DAY)
        known: volume.Traffic | None = None
        for slide, records in zip(slides.tolist(), draw(rng, slides).tolist(), strict=True):
            if records:
                came = Progress(
                    time_ms=FIRST_MS + (slide + 1) * SLIDE_MS,
                    model="model",
                    version="1",
                    records=records,
                    level=level,
                )
                known, changes = volume.step(known, model, [came])
                episodes += sum(change.state == "opened" for change in changes)
    judged = streams * max(days - volume.LEAST / 24, 0.0)
    return {"family": family, "episodes": episodes, "of_budget": episodes / (judged / TESTS)}


def main() -> None:
    """Print a table, or JSON."""
    rates.main(
        "false_volume",
        measured,
        FAMILIES,
        {"streams": (10, "of each family"), "days": (30, "of each stream")},
        ["episodes", "of_budget"],
    )


if __name__ == "__main__":
    main()
