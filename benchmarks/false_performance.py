"""False alarms of measures of performance against what is promised: ``python -m benchmarks.false_performance``.

Labelled predictions of a model that stays as good as it was go through the test of each measure as the job makes it,
window by window. Everything follows from ``--seed``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter
from scipy.stats import norm

from config.plan import AlarmsPlan, MetricPlan, ModelPlan, PredictionPlan, WindowPlan
from operators.calibration import CONFIRM_FACTORS
from operators.metrics.baseline import BaselineBuilder, calibration_of, decoded
from operators.metrics.measure import Measure
from operators.metrics.measure_tests import judge
from operators.metrics.outcome_sums import OutcomeSums
from operators.reading.columns import Columns
from schemas.profile import PerformanceReference, Profile, Provenance

BASELINE = 10_000  # labels
SLIDE, WINDOW = 100, 12  # labels a slide, slides a window
SLIDES_A_DAY = 24 * 60 // 5
TESTS = 15  # that share a budget of one false episode a day
DAYS = 1  # of each baseline: a baseline is one draw for all windows that it is held against, so many are needed
CONFIRM = 2
LEVELS = (1e-2, 1e-3)

Floats = npt.NDArray[np.float64]
BINARY = PredictionPlan(task="binary", positive="yes")
CLASSES = PredictionPlan(task="multiclass", classes=("a", "b", "c"))
NUMBER = PredictionPlan(task="regression")


def _uniform(rng: np.random.Generator, count: int, rho: float) -> Floats:
    """Ranks of which each follows the one before it."""
    if not rho:
        return rng.random(count)
    warm = int(20 / (1 - rho))
    series = lfilter([np.sqrt(1 - rho**2)], [1, -rho], rng.normal(size=count + warm))[warm:]
    return np.asarray(norm.cdf(series), np.float64)


def _binary(share: float, rho: float) -> Callable[[np.random.Generator, int], Floats]:
    """Calibrated scores with so many positives; whether they come true follows from label to label."""

    def draw(rng: np.random.Generator, count: int) -> Floats:
        scores = rng.beta(4 * share, 4 * (1 - share), count)
        outcome = _uniform(rng, count, rho) < scores
        return np.column_stack([scores >= 0.5, scores, outcome]).astype(np.float64)

    return draw


def _classes(rng: np.random.Generator, count: int) -> Floats:
    outcome = rng.choice(3, count, p=[0.7, 0.25, 0.05])
    predicted = np.where(rng.random(count) < 0.2, rng.integers(0, 3, count), outcome)
    return np.column_stack([predicted, np.full(count, np.nan), outcome]).astype(np.float64)


def _numbers(sigma: float, rho: float) -> Callable[[np.random.Generator, int], Floats]:
    """Lognormal errors, the longer in the tail the larger sigma."""

    def draw(rng: np.random.Generator, count: int) -> Floats:
        true = rng.normal(50, 10, count)
        error = np.exp(sigma * norm.ppf(_uniform(rng, count, rho))) - np.exp(sigma**2 / 2)
        return np.column_stack([true + error, np.full(count, np.nan), true])

    return draw


SCORED = ("accuracy", "precision", "recall", "f1", "mcc", "roc_auc", "average_precision", "log_loss", "brier")
FAMILIES: dict[str, tuple[PredictionPlan, Callable[[np.random.Generator, int], Floats], tuple[str, ...]]] = {
    "two classes, 40 %": (BINARY, _binary(0.4, 0.0), (*SCORED, "calibration_error")),
    "two classes, 5 %": (BINARY, _binary(0.05, 0.0), (*SCORED, "calibration_error")),
    "two classes, AR(0.9)": (BINARY, _binary(0.4, 0.9), (*SCORED, "calibration_error")),
    "three classes": (CLASSES, _classes, ("accuracy", "f1", "kappa")),
    "errors lognormal(0.5)": (NUMBER, _numbers(0.5, 0.0), ("mae", "rmse", "bias", "mape", "r2")),
    "errors lognormal(1)": (NUMBER, _numbers(1.0, 0.0), ("mae", "rmse", "bias", "mape", "r2")),
    "errors AR(0.9)": (NUMBER, _numbers(0.5, 0.9), ("mae", "rmse", "bias", "mape", "r2")),
}


def reference(plan: PredictionPlan, names: tuple[str, ...], values: Floats) -> PerformanceReference:
    """The baseline, as the profile has it."""
    window = WindowPlan(size_ms=3_600_000, slide_ms=300_000, min_count=500, grow_to_ms=3_600_000)
    alarms = AlarmsPlan(
        budget=1.0, period_ms=86_400_000, confirm=CONFIRM, recover=3, min_effect="small", critical="large"
    )
    metrics = tuple(MetricPlan(name=name) for name in names)
    model = ModelPlan(name="m", window=window, alarms=alarms, features=(), prediction=plan, performance=metrics)
    made = Provenance(source="r", rows=len(values), start=None, end=None, tidemark="")
    builder = BaselineBuilder(model, Profile(model="m", version=None, provenance=made, signals={}))
    builder.add(Columns(np.arange(len(values)), {}, {}, {}, ()), values, None)
    found = builder.build("r", trained=False)
    assert found is not None, "there are labels"
    return found


def measured(family: str, baselines: int, seed: int) -> list[dict[str, object]]:
    """Evaluations over a level, over the promised number, and episodes over their share of the budget; by measure."""
    plan, draw, names = FAMILIES[family]
    rng = np.random.default_rng([seed, list(FAMILIES).index(family)])
    measures = [Measure(MetricPlan(name=name), plan) for name in names]
    level = CONFIRM_FACTORS[CONFIRM] / SLIDES_A_DAY / TESTS
    p_values: dict[str, list[list[float]]] = {name: [] for name in names}
    for _ in range(baselines):
        values = draw(rng, BASELINE)
        known = reference(plan, names, values)
        baseline = decoded(known.sums)
        stream = draw(rng, DAYS * SLIDES_A_DAY * SLIDE)
        slides = [OutcomeSums.of(plan, part) for part in np.split(stream, DAYS * SLIDES_A_DAY)]
        for rows in p_values.values():
            rows.append([])
        for end in range(WINDOW, len(slides) + 1):
            window = slides[end - WINDOW]
            for slide in slides[end - WINDOW + 1 : end]:
                window = window + slide
            for measure in measures:
                follow = calibration_of(measure.metric, known.measures, known.streams)
                found = judge(measure, window, baseline, follow, level)
                p_values[measure.name][-1].append(1.0 if found is None else found.p_value)
    rows = []
    for name in names:
        found = np.array(p_values[name])
        over = found < level
        agreed = np.hstack([np.zeros((len(over), 1), np.bool_), over[:, 1:] & over[:, :-1]])  # two in a row
        episodes = int((agreed[:, 1:] & ~agreed[:, :-1]).sum())
        rows.append(
            {
                "family": family,
                "measure": name,
                **{f"at {one:g}": float((found < one).mean() / one) for one in LEVELS},
                # Windows of one baseline rise and fall together: what is drawn anew is the baseline.
                **{f"error at {one:g}": _error((found < one).mean(axis=1) / one) for one in LEVELS},
                "of_budget": episodes / (found.size / SLIDES_A_DAY / TESTS),
            }
        )
    return rows


def _error(rates: Floats) -> float:
    """Standard error of the mean of the baselines' rates."""
    return float(rates.std(ddof=1) / np.sqrt(len(rates))) if len(rates) > 1 else float("inf")


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.false_performance", description=main.__doc__)
    parser.add_argument("--baselines", type=int, default=40, help=f"of each family, each for {DAYS} day")
    parser.add_argument("--families", nargs="*", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = [row for family in given.families for row in measured(family, given.baselines, given.seed)]
    if given.json:
        print(json.dumps(rows, indent=1))
        return
    print(f"{'family':24}{'measure':20}{'at .01':>15}{'at .001':>15}{'of budget':>11}")
    for row in rows:
        rates = (f"{row[f'at {one:g}']:.2f} ± {row[f'error at {one:g}']:.2f}" for one in LEVELS)
        numbers = "".join(f"{one:>15}" for one in rates) + f"{row['of_budget']:11.2f}"
        print(f"{row['family']:24}{row['measure']:20}{numbers}")


if __name__ == "__main__":
    main()
