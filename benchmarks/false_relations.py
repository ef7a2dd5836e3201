"""False alarms of relations against what is promised, and what is found: ``python -m benchmarks.false_relations``.

Records of eight features go through the evaluation of the monitor, window by window, in as many days as are asked for;
and through the whole monitor, which says how often errors of reconstruction open an episode, and what the p-values of
the domain classifier are.
With ``--found`` the correlation of one pair changes in the middle instead. Everything follows from ``--seed``.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from config.plan import AlarmsPlan, CorrelationPlan, FeaturePlan, ModelPlan, WindowPlan
from operators import monitor
from operators.decisions.outputs import SignalChange
from operators.encoding.chunks import Pane
from operators.encoding.codes import CODES, MISSING
from operators.encoding.record_coding import FEATURE
from operators.monitoring.detection import Detection
from operators.monitoring.state import Key
from operators.profiles.profiling import ProfileBuilder
from operators.profiles.references import ModelSignals
from operators.profiles.signal_values import Values
from operators.relations.domain_windows import CLASSIFIER
from operators.relations.reconstruction import RECONSTRUCTION
from operators.relations.windows import RelationWindow
from operators.sketches import moments
from operators.sketches.sketch import Slide
from operators.sketches.windows import Slides
from schemas.profile import NumericSignal, Provenance

FEATURES = 8
REFERENCE = 20_000  # records
SLIDE, WINDOW = 100, 12  # records a slide, slides a window
SLIDES_A_DAY = 24 * 60 // 5
SLIDE_MS = 300_000
DAYS = 10  # of each reference
CONFIRM = 2
BUDGET = 1.0  # false episodes a day
LEVELS = (1e-2, 1e-3)

Floats = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]


def _common(rho: float) -> Draw:
    """Normal features of which each pair has the correlation rho."""

    def draw(rng: np.random.Generator, count: int) -> Floats:
        own = rng.normal(size=(count, FEATURES))
        return np.sqrt(1 - rho) * own + np.sqrt(rho) * rng.normal(size=(count, 1))

    return draw


def _slow(phi: float, rho: float) -> Draw:
    """Likewise, each record phi times the one before it, and something new."""

    def draw(rng: np.random.Generator, count: int) -> Floats:
        warm = int(20 / (1 - phi))
        new = _common(rho)(rng, count + warm)
        return np.asarray(lfilter([np.sqrt(1 - phi**2)], [1, -phi], new, axis=0)[warm:], np.float64)

    return draw


def _heavy(rng: np.random.Generator, count: int) -> Floats:
    """Uncorrelated, but large together."""
    return np.asarray(_common(0.0)(rng, count) * np.exp(rng.normal(size=(count, 1))), np.float64)


def _discrete(rng: np.random.Generator, count: int) -> Floats:
    """Small numbers, half of them rare, related."""
    return np.floor(np.exp(0.8 * _common(0.4)(rng, count) - np.arange(FEATURES) / 4))


def _gaps(rng: np.random.Generator, count: int) -> Floats:
    """A third of the values is missing, some of them together."""
    found = _common(0.5)(rng, count)
    together = rng.random((count, 1)) < 0.2
    found[(rng.random(found.shape) < 0.15) | (together & (np.arange(FEATURES) < 4))] = np.nan
    return found


FAMILIES: dict[str, Draw] = {
    "independent": _common(0.0),
    "correlated .6": _common(0.6),
    "ar .5": _slow(0.5, 0.0),
    "ar .9": _slow(0.9, 0.0),
    "ar .9, correlated .5": _slow(0.9, 0.5),
    "heavy": _heavy,
    "discrete": _discrete,
    "gaps": _gaps,
    "categories": _common(0.3),
}
NAMED = 5  # of the features of categories; the others are numbers


def _categories(values: Floats) -> npt.NDArray[np.int64]:
    return np.digitize(values, [-1.0, 0.3, 1.2])


class Stream:
    """A model with a profile of drawn records, and what its windows say."""

    def __init__(self, family: str, rng: np.random.Generator, reference: int = REFERENCE) -> None:
        self._names = NAMED if family == "categories" else 0
        self._draw = FAMILIES[family]
        features = tuple(
            FeaturePlan(name=f"f{n}", type="categorical" if n < self._names else "numeric", detectors=())
            for n in range(FEATURES)
        )
        size_ms = WINDOW * SLIDE_MS
        model = ModelPlan(
            name="m",
            window=WindowPlan(size_ms=size_ms, slide_ms=SLIDE_MS, min_count=SLIDE, grow_to_ms=size_ms),
            alarms=AlarmsPlan(
                budget=BUDGET, period_ms=86_400_000, confirm=CONFIRM, recover=3, min_effect="negligible",
                critical="large",
            ),
            features=features,
            correlation=CorrelationPlan(),
            multivariate=True,
            classifier=True,
        )  # fmt: skip
        builder = ProfileBuilder(model)
        values = self._draw(rng, reference)
        numbers = {f"{FEATURE}f{n}": values[:, n].copy() for n in range(self._names, FEATURES)}
        named = {f"{FEATURE}f{n}": list(map(str, _categories(values[:, n]).tolist())) for n in range(self._names)}
        builder.count(Values(numbers, named), reference, np.arange(reference))
        nowhere = Provenance(source="", rows=reference, start=None, end=None, tidemark="0")
        self.signals = ModelSignals(model, builder.build(nowhere, None))
        self.detection = Detection(self.signals)
        assert self.detection.relations is not None, "the model asks for them"
        self.relations = self.detection.relations
        self.slides: list[Slide] = []

    def codes(self, values: Floats) -> npt.NDArray[np.uint8]:
        """Of records."""
        found = np.full((len(values), len(self.signals.names)), MISSING, np.uint8)
        for n in range(FEATURES):
            signal, column = self.signals.signals[n], values[:, n]
            if isinstance(signal, NumericSignal):
                there = np.isfinite(column)
                found[there, n] = np.searchsorted(signal.edges, column[there], side="right")
            else:
                codes = {name: code for code, (name, _) in enumerate(signal.categories)}
                found[:, n] = [codes.get(str(one), CODES - 3) for one in _categories(column).tolist()]
        self.signals.fill_errors(np.empty((len(values), len(self.signals.numeric))), found)
        return found

    def opened(self, values: Floats) -> tuple[Counter[str], list[float]]:
        """Episodes that the monitor opens of more records, by what they begin with, and p-values of the classifier."""
        codes, found, p_values = self.codes(values), Counter[str](), list[float]()
        key, state, ring = Key("m", "1", "champion", "all"), b"", b""
        nothing = moments.empty(len(self.signals.numeric))
        for number, start in enumerate(range(0, len(codes), SLIDE), 1):
            times_ms = SLIDE_MS * (number - 1) + np.arange(SLIDE) * (SLIDE_MS // SLIDE)
            shown = codes[start : start + SLIDE].copy()
            ids = np.arange(SLIDE, dtype=np.uint64)  # a slide has fewer records than are sampled
            pane = Pane(SLIDE_MS * number, times_ms, shown, nothing.copy(), np.empty((SLIDE, 0)), hashes=ids)
            done = monitor.step(self.detection, key, state, lambda ring=ring: ring, pane, pane.end_ms, True)
            state, ring = done.state, ring if done.ring is None else done.ring
            told = [output for output in done.outputs if isinstance(output, SignalChange)]
            found.update(change.evidence.signal for change in told if change.state == "opened")
            rows = [row for summary in done.summaries for row in summary.evaluations if row.signal == CLASSIFIER]
            p_values += [row.p_value for row in rows if row.p_value is not None]
        return found, p_values

    def windows(self, values: Floats) -> list[RelationWindow]:
        """Windows that end with each slide of more records."""
        found = []
        codes = self.codes(values)
        for start in range(0, len(codes), SLIDE):
            slide = Slide(SLIDE_MS * (len(self.slides) + 1), SLIDE)
            slide.relations = self.relations.columns.folded(b"", codes[start : start + SLIDE].copy())
            self.slides.append(slide)
            taken = self.slides[-WINDOW:]
            if len(taken) == WINDOW:
                found.append(RelationWindow(self.detection, self.relations, self._slides(taken), "all"))
        return found

    def _slides(self, taken: list[Slide]) -> Slides:
        return Slides(self.detection, taken, taken[-1].end_ms)

    def more(self, rng: np.random.Generator, count: int) -> Floats:
        """More records of the stream."""
        return self._draw(rng, count)


def measured(family: str, references: int, seed: int) -> dict[str, object]:
    """Evaluations over a level, over the promised number, and episodes over their share of the budget."""
    rng = np.random.default_rng([seed, list(FAMILIES).index(family)])
    exceeded = dict.fromkeys(LEVELS, 0)
    evaluations = episodes = 0
    promised = errors = 0.0
    classified: list[float] = []
    for _ in range(references):
        stream = Stream(family, rng)
        values = stream.more(rng, DAYS * SLIDES_A_DAY * SLIDE)
        windows = stream.windows(values)
        opened, told = stream.opened(values)
        errors += opened[RECONSTRUCTION]
        classified += told
        p_values = np.array([window.p_value for window in windows])
        over = np.array([window.over for window in windows])
        evaluations += int(sum(window.judged.sum() for window in windows))
        for one in LEVELS:
            exceeded[one] += int((p_values < one).sum())
        agreed = np.concatenate([np.zeros((1, over.shape[1]), bool), over[1:] & over[:-1]])  # two in a row
        episodes += int((agreed[1:] & ~agreed[:-1]).sum())
        promised += DAYS * BUDGET * stream.relations.tests / stream.detection.tests
    return {
        "family": family,
        **{f"at {one:g}": exceeded[one] / max(one * evaluations, 1e-9) for one in LEVELS},
        "episodes": episodes,
        "of_budget": episodes / promised,
        **{f"classifier at {one:g}": float(np.mean(np.array(classified) < one)) / one for one in LEVELS if classified},
        # The errors of reconstruction have all shares but those of the pairs and the one of the classifier.
        "errors_of_budget": errors / (references * DAYS * BUDGET - promised),
    }


CHANGES = (0.05, 0.1, 0.15, 0.2, 0.3)
STREAMS = 20  # of each


def found(seed: int) -> list[dict[str, float]]:
    """Share of windows in which a pair is over its threshold, where its correlation has fallen by so much."""
    rows = []
    for change in CHANGES:
        rng = np.random.default_rng([seed, round(100 * change)])
        over: list[bool] = []
        for _ in range(STREAMS):
            stream = Stream("correlated .6", rng)
            values = stream.more(rng, SLIDES_A_DAY * SLIDE)
            rho = 0.6 - change
            values[:, 1] = rho * values[:, 0] + np.sqrt(1 - rho**2) * rng.normal(size=len(values))
            # The pair of the first two: the others' relation with the second has changed as well.
            over += [bool(window.over[0]) for window in stream.windows(values)]
        rows.append({"change": change, "found": float(np.mean(over))})
    return rows


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.false_relations", description=main.__doc__)
    parser.add_argument("--references", type=int, default=10, help=f"of each family, each for {DAYS} days")
    parser.add_argument("--families", nargs="*", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--found", action="store_true", help="which changes are found instead")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows: list[dict[str, object]]
    if given.found:
        rows = [dict(row) for row in found(given.seed)]
    else:
        rows = [measured(family, given.references, given.seed) for family in given.families]
    if given.json:
        print(json.dumps(rows, indent=1))
    elif given.found:
        print(f"{'change':8}{'found':>8}")
        for row in rows:
            print(f"{row['change']:<8}{row['found']:8.2f}")
    else:
        print(f"{'family':22}{'at .01':>8}{'at .001':>9}{'of budget':>11}{'errors':>9}{'classifier at':>16}")
        for row in rows:
            rates = f"{row['at 0.01']:8.2f}{row['at 0.001']:9.2f}"
            told = [f"{row[f'classifier at {one:g}']:.2f}" for one in LEVELS if f"classifier at {one:g}" in row]
            print(
                f"{row['family']:22}{rates}{row['of_budget']:11.2f}{row['errors_of_budget']:9.2f}{' '.join(told):>16}"
            )


if __name__ == "__main__":
    main()
