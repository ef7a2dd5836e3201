"""False episodes against the budget, and how soon real changes are found: ``python -m benchmarks.false_alarms``.

Records go through the monitor and the policy as in a job, without files. Everything follows from ``--seed``.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.signal import lfilter

from config.plan import ALL, AlarmsPlan, FeaturePlan, JobPlan, ModelPlan, SeasonPlan, SourcePlan, WindowPlan
from operators import policy
from operators.binning import numeric_signal
from operators.chunks import Pane
from operators.coding import CategoryCoder, NumericCoder
from operators.columns import extract
from operators.dependence import calibrate
from operators.detection import Detection
from operators.monitor import step
from operators.name_counts import NameCounts
from operators.profiling import ProfileBuilder
from operators.references import FEATURE, ModelSignals
from operators.slicing import SliceCounter
from operators.state import Key
from operators.value_counts import ValueCounts
from schemas.cloudevents import milliseconds
from schemas.events import DriftEvent
from schemas.profile import Profile, Provenance, Signal

MINUTE = 60_000
SLIDE_MS, SIZE_MS = 5 * MINUTE, 60 * MINUTE
SLIDES_A_DAY = 24 * 60 // 5
FEATURES = 5
REFERENCE = 20_000  # rows
DAYS = 8  # of a reference that has a daily cycle
CYCLE = 1.5  # deviations by which values go up and down in the course of a day where the model has a season
SEASON_PARTS = 96  # of a day: in an hour the cycle moves too far to find small changes at once
SEASON_DAYS = 14  # of its reference
STREAMS_A_SEASON = 10  # share a reference, which takes seconds to make
BURST = 10  # records in a row that have half of their variance in common
PERIODS_A_REFERENCE = 10  # the budget holds on average over references
HORIZON = 2 * SLIDES_A_DAY  # slides in which a change is to be found
CATEGORIES = 30

Floats = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int, int], Floats]  # so many values, of which a day has so many


def _normal(rng: np.random.Generator, count: int, _: int) -> Floats:
    return rng.normal(size=count)


def _zipf(rng: np.random.Generator, count: int, _: int) -> Floats:
    shares = 1 / np.arange(1, CATEGORIES + 1)
    return rng.choice(CATEGORIES, count, p=shares / shares.sum()).astype(np.float64)


def _following(rho: float) -> Draw:
    """Each value rho times the one before it and something new."""

    def draw(rng: np.random.Generator, count: int, _: int) -> Floats:
        warm = int(20 / (1 - rho))
        noise = rng.normal(size=count + warm)
        return np.asarray(lfilter([np.sqrt(1 - rho**2)], [1, -rho], noise), np.float64)[warm:]

    return draw


def _daily(rng: np.random.Generator, count: int, day: int) -> Floats:
    """Values that go up and down by half a standard deviation in the course of a day."""
    return rng.normal(size=count) + 0.5 * np.sin(np.arange(count) * 2 * np.pi / day)


def _cycle(count: int, day: int) -> Floats:
    return CYCLE * np.sin(np.arange(count) * 2 * np.pi / day)


def _bursts(rng: np.random.Generator, count: int, _: int) -> Floats:
    """Values of customers who send some records each, one after the other."""
    levels = np.repeat(rng.normal(size=count), rng.geometric(1 / BURST, count))[:count]
    return (levels + rng.normal(size=count)) / np.sqrt(2)


SEASON = "season"  # the family whose models have one
FAMILIES: dict[str, Draw] = {
    "normal": _normal,
    "lognormal": lambda rng, n, _: rng.lognormal(sigma=2.0, size=n),
    "bernoulli .1": lambda rng, n, _: (rng.random(n) < 0.1).astype(np.float64),
    "poisson 2": lambda rng, n, _: rng.poisson(2.0, n).astype(np.float64),
    "zipf 30": _zipf,
    "ar .5": _following(0.5),
    "ar .9": _following(0.9),
    "daily": _daily,
    "bursty": _bursts,
    SEASON: lambda rng, n, day: rng.normal(size=n) + _cycle(n, day),
}
CHANGES: dict[str, Callable[[Floats], Floats]] = {
    "shift .2 sd": lambda values: values + 0.2,
    "shift .5 sd": lambda values: values + 0.5,
    "shift 1 sd": lambda values: values + 1.0,
    "spread x1.5": lambda values: values * 1.5,
}


@dataclass
class Stream:
    """A model without segments, its monitor and its policy."""

    detection: Detection
    state: bytes = b""
    ring: bytes = b""
    policy: bytes = b""
    slides: int = 0
    events: list[DriftEvent] = field(default_factory=list)

    def show(self, columns: Sequence[Floats], sizes: Sequence[int]) -> None:
        """Let the values of each feature pass, so many in each slide; one pane a slide."""
        signals = self.detection.signals
        codes = np.empty((len(columns[0]), len(columns)), np.uint8)
        values = np.column_stack([columns[position] for position in signals.numeric] or [np.empty((len(codes), 0))])
        if signals.numeric:
            codes[:, signals.numeric] = signals.numeric_coder.codes(np.ascontiguousarray(values))
        for position, coder in zip(signals.named, signals.category_coders, strict=True):
            codes[:, position] = coder.codes([_name(value) for value in columns[position].tolist()])
        first = 0
        for records in sizes:
            gaps = (np.arange(records) * SLIDE_MS) // records
            part = np.ascontiguousarray(codes[first : first + records])
            inside = np.ascontiguousarray(values[first : first + records])
            coded = np.ascontiguousarray(part[:, signals.numeric])
            sums = signals.moments.sums(inside, coded, np.array([records]))[0]
            start_ms = self.slides * SLIDE_MS
            self.slides += 1
            self._step(Pane(start_ms + SLIDE_MS, start_ms + gaps, part, sums, np.empty((records, 0))))
            first += records

    def _step(self, pane: Pane) -> None:
        model = self.detection.signals.model
        key = Key(model.name, "1", "champion", ALL)
        done = step(self.detection, key, self.state, lambda: self.ring, pane, pane.end_ms, False)
        self.state = done.state
        self.ring = self.ring if done.ring is None else done.ring
        added = policy.add(self.policy, done.outputs)
        self.policy, events = policy.advance(model, JobPlan(), "", added, pane.end_ms)
        self.events += events


def stream(
    family: str,
    rng: np.random.Generator,
    records: int,
    budget_ms: int,
    confirm: int,
    previous_ms: int,
    shuffled: bool = False,
) -> Stream:
    """A model of some features of one family, with a reference of its own, seen for some days if it has days."""
    named = family.startswith("zipf")
    in_season = family == SEASON and not previous_ms  # the two do not go together
    day = SLIDES_A_DAY * records
    rows = {"daily": DAYS * day, SEASON: SEASON_DAYS * day}.get(family, REFERENCE)
    kind = "categorical" if named else "numeric"
    features = tuple(FeaturePlan(name=f"f{number}", type=kind) for number in range(FEATURES))  # type: ignore[arg-type]
    model = ModelPlan(
        name="model",
        window=WindowPlan(
            size_ms=SIZE_MS, slide_ms=SLIDE_MS, min_count=500, grow_to_ms=SIZE_MS, previous_ms=previous_ms
        ),
        alarms=AlarmsPlan(
            budget=1.0, period_ms=budget_ms, confirm=confirm, recover=3, min_effect="small", critical="large"
        ),
        features=features,
        season=SeasonPlan(period_ms=SLIDES_A_DAY * SLIDE_MS, bins=SEASON_PARTS) if in_season else None,
    )  # fmt: skip
    if in_season:
        columns = {feature.name: FAMILIES[family](rng, rows, day) for feature in features}
        return Stream(Detection(ModelSignals(model, _seasonal(model, columns, SLIDE_MS / records))))
    columns = {feature.name: FAMILIES[family](rng, rows, day) for feature in features}
    if shuffled:
        columns = {name: rng.permutation(values) for name, values in columns.items()}
    signals = {FEATURE + name: profiled(values, named) for name, values in columns.items()}
    order: Literal["file"] | None = "file" if shuffled else None
    provenance = Provenance(source="simulated", rows=rows, start=None, end=None, tidemark="", order=order)
    profile = Profile(model="model", version=None, provenance=provenance, signals=signals)
    return Stream(Detection(ModelSignals(model, profile)))


def _seasonal(model: ModelPlan, columns: Mapping[str, Floats], every_ms: float) -> Profile:
    """As `tidemark profile` makes it, in two readings."""
    source = SourcePlan(name="reference", kind="predictions", path="reference.parquet", format="parquet")
    read = extract(pa.table(dict(columns)), source, list(columns))
    times_ms = (np.arange(len(read.rows)) * every_ms).astype(np.int64)
    builder = ProfileBuilder(model)
    builder.add(read, source, times_ms)
    provenance = Provenance(source="simulated", rows=len(times_ms), start=None, end=None, tidemark="")
    counter = SliceCounter(model, builder.build(provenance, None))
    counter.add(read, source, times_ms)
    return counter.build(builder)


def profiled(values: Floats, named: bool) -> Signal:
    """What the reference looks like: numbers, or categories whose names are made from numbers."""
    signal: Signal
    if named:
        texts = [_name(value) for value in values.tolist()]
        names = NameCounts()
        names.add(texts)
        named_signal = names.signal(disclose=20)
        signal, codes = named_signal, CategoryCoder(named_signal).codes(texts)
    else:
        counts = ValueCounts(1 << 16)
        counts.add(values)
        number_signal = numeric_signal(counts, missing=0, invalid=0)
        signal, codes = number_signal, NumericCoder([number_signal]).codes(values[:, None].copy()).ravel()
    return msgspec.structs.replace(signal, calibration=calibrate(signal, codes))


def _sizes(family: str, rng: np.random.Generator, records: int) -> list[int]:
    """Records in each slide of a day."""
    if family != "bursty":
        return [records] * SLIDES_A_DAY
    return [int(size) for size in rng.poisson(records * rng.gamma(1.0, 1.0, SLIDES_A_DAY)) + 1]


def _name(value: float) -> str:
    return f"c{value:.0f}"


def stationary(
    family: str, periods: int, records: int, confirm: int, previous_ms: int, seed: int, shuffled: bool = False
) -> dict[str, object]:
    """Episodes in so many budget periods of a day while nothing changes."""
    rng = np.random.default_rng([seed, list(FAMILIES).index(family)])
    opened = 0
    detectors: Counter[str] = Counter()
    for first in range(0, periods, PERIODS_A_REFERENCE):
        one = stream(family, rng, records, SLIDES_A_DAY * SLIDE_MS, confirm, previous_ms, shuffled)
        for _ in range(min(PERIODS_A_REFERENCE, periods - first)):
            sizes = _sizes(family, rng, records)
            one.show([FAMILIES[family](rng, sum(sizes), sum(sizes)) for _ in range(FEATURES)], sizes)
        found = [event for event in one.events if event.type == "io.tidemark.drift.opened"]
        opened += len(found)
        detectors.update(event.data.signals[0].detector for event in found)
    return {
        "family": family,
        "periods": periods,
        "episodes": opened,
        "of_budget": opened / periods,
        "detectors": dict(sorted(detectors.items())),
    }


def abrupt(
    change: str,
    streams: int,
    records: int,
    confirm: int,
    previous_ms: int,
    seed: int,
    family: str = "normal",
    shuffled: bool = False,
) -> dict[str, object]:
    """How a change of one of the features is found; the budget is one in 30 days."""
    rng = np.random.default_rng([seed, 100 + list(CHANGES).index(change)])
    delays, errors, recovered = [], [], 0
    detectors: Counter[str] = Counter()
    shared = STREAMS_A_SEASON if family == SEASON else 1
    for number in range(streams):
        if number % shared == 0:
            detection = stream(
                family, rng, records, 30 * SLIDES_A_DAY * SLIDE_MS, confirm, previous_ms, shuffled
            ).detection
        one = Stream(detection)
        before = int(rng.integers(SLIDES_A_DAY, SLIDES_A_DAY + 24)) * records + int(rng.integers(records))
        slides = -(-before // records) + HORIZON
        columns = [_normal(rng, slides * records, 0) for _ in range(FEATURES)]
        until = len(columns[0]) - HORIZON // 2 * records
        columns[0][before:until] = CHANGES[change](columns[0][before:until])
        if family == SEASON:
            columns = [column + _cycle(len(column), SLIDES_A_DAY * records) for column in columns]
        one.show(columns, [records] * slides)
        at_ms = before * SLIDE_MS / records
        opened = [e for e in one.events if e.type == "io.tidemark.drift.opened" and milliseconds(e.time) > at_ms]
        recovered += one.events[-1].type == "io.tidemark.drift.resolved" if one.events else 0
        if opened:
            delays.append((milliseconds(opened[0].time) - at_ms) * records / SLIDE_MS)
            errors.append((milliseconds(opened[0].data.onset) - at_ms) * records / SLIDE_MS)
            detectors[opened[0].data.signals[0].detector] += 1
    return {
        "change": change if family == "normal" else f"{change}, {family}",
        "streams": streams,
        "found": len(delays) / streams,
        "resolved": recovered / streams,
        "delay_records": median(delays) if delays else None,
        "onset_error_records": median(errors) if errors else None,
        "onset_error_90": float(np.quantile(np.abs(errors), 0.9)) if errors else None,
        "detectors": dict(sorted(detectors.items())),
    }


def main() -> None:
    """Print two tables, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.false_alarms", description=main.__doc__)
    parser.add_argument("--periods", type=int, default=100, help="budget periods of each family")
    parser.add_argument("--streams", type=int, default=40, help="streams of each change")
    parser.add_argument("--records", type=int, default=100, help="records a slide; a window has twelve slides")
    parser.add_argument("--confirm", type=int, default=2)
    parser.add_argument("--previous", type=int, default=0, help="hours before each window that it is compared with")
    parser.add_argument("--shuffled", action="store_true", help="references in no order")
    parser.add_argument("--families", nargs="*", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    how = given.records, given.confirm, given.previous * 60 * MINUTE, given.seed
    quiet = [stationary(family, given.periods, *how, given.shuffled) for family in given.families if given.periods]
    changes = [*((change, "normal") for change in CHANGES), ("shift .5 sd", SEASON)]
    found = [abrupt(change, given.streams, *how, family, given.shuffled) for change, family in changes if given.streams]
    if given.json:
        print(json.dumps({"stationary": quiet, "abrupt": found}, indent=1))
        return
    print(f"{'family':14}{'periods':>9}{'episodes':>10}{'of budget':>11}  by strongest detector")
    for row in quiet:
        print(f"{row['family']:14}{row['periods']:9}{row['episodes']:10}{row['of_budget']:11.2f}  {_shown(row)}")
    opened, periods = sum(row["episodes"] for row in quiet), sum(row["periods"] for row in quiet)  # type: ignore[misc]
    print(f"{'all':14}{periods:9}{opened:10}{opened / max(periods, 1):11.2f}")
    print(f"\n{'change':20}{'found':>7}{'resolved':>10}{'delay':>8}{'onset error':>13}{'90 %':>8}  in records, median")
    for row in found:
        delay, error, most = (_count(row[name]) for name in ("delay_records", "onset_error_records", "onset_error_90"))
        print(
            f"{row['change']:20}{row['found']:7.0%}{row['resolved']:10.0%}{delay:>8}{error:>13}{most:>8}  {_shown(row)}"
        )


def _shown(row: dict[str, object]) -> str:
    return ", ".join(f"{name} {count}" for name, count in row["detectors"].items())  # type: ignore[attr-defined]


def _count(value: object) -> str:
    return f"{value:,.0f}" if isinstance(value, float) else "-"


if __name__ == "__main__":
    main()
