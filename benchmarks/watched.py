"""Simulated streams through the monitor and the policy of one model, as in a job, without files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.families import FAMILIES, SEASON, Floats
from config.plan import ALL, AlarmsPlan, FeaturePlan, JobPlan, ModelPlan, SeasonPlan, SourcePlan, WindowPlan
from operators import policy
from operators.encoding.chunks import Pane
from operators.encoding.coding import CategoryCoder, NumericCoder
from operators.monitor import step
from operators.monitoring.detection import Detection
from operators.monitoring.state import Key
from operators.profiles.binning import numeric_signal
from operators.profiles.dependence import calibrate
from operators.profiles.name_counts import NameCounts
from operators.profiles.profiling import ProfileBuilder
from operators.profiles.references import FEATURE, ModelSignals
from operators.profiles.slicing import SliceCounter
from operators.profiles.value_counts import ValueCounts
from operators.reading.columns import extract
from operators.relations.fitting import fit
from schemas.events import DriftEvent
from schemas.profile import Profile, Provenance, Signal

MINUTE = 60_000
SLIDE_MS, SIZE_MS = 5 * MINUTE, 60 * MINUTE
SLIDES_A_DAY = 24 * 60 // 5
FEATURES = 5
REFERENCE = 20_000  # rows
DAYS = 8  # of a reference that has a daily cycle
SEASON_PARTS = 96  # of a day: in an hour the cycle moves too far to find small changes at once
SEASON_DAYS = 14  # of its reference


@dataclass
class Stream:
    """A model without segments, its monitor and its policy."""

    detection: Detection
    state: bytes = b""
    ring: bytes = b""
    policy: bytes = b""
    slides: int = 0
    events: list[DriftEvent] = field(default_factory=list)

    def show(self, columns: Sequence[Floats], sizes: Sequence[int], panes: int = 1) -> None:
        """Let the values of each feature pass, so many in each slide, which has so many panes."""
        codes, values = coded(self.detection.signals, columns)
        done = 0
        for records in sizes:
            start_ms = self.slides * SLIDE_MS
            self.slides += 1
            times_ms = start_ms + (np.arange(records) * SLIDE_MS) // records
            ends_ms = start_ms + SLIDE_MS * np.arange(1, panes + 1) // panes
            first = folded_ms = 0
            for end_ms, stop in zip(ends_ms.tolist(), np.searchsorted(times_ms, ends_ms).tolist(), strict=True):
                if stop > first:
                    taken = slice(done + first, done + stop)
                    self._fold(end_ms, times_ms[first:stop], codes[taken], values[taken])
                    first, folded_ms = stop, end_ms
            if folded_ms < self.slides * SLIDE_MS:
                self._step(None, self.slides * SLIDE_MS)
            done += records

    def _fold(self, end_ms: int, times_ms: npt.NDArray[np.int64], part: npt.NDArray[np.uint8], inside: Floats) -> None:
        signals = self.detection.signals
        part = np.ascontiguousarray(part)
        coded = np.ascontiguousarray(part[:, signals.numeric])
        sums = signals.moments.sums(np.ascontiguousarray(inside), coded, np.array([len(part)]))[0]
        self._step(Pane(end_ms, times_ms, part, sums, np.empty((len(part), 0))), end_ms)

    def _step(self, pane: Pane | None, until_ms: int) -> None:
        model = self.detection.signals.model
        key = Key(model.name, "1", "champion", ALL)
        done = step(self.detection, key, self.state, lambda: self.ring, pane, until_ms, False)
        self.state = done.state
        self.ring = self.ring if done.ring is None else done.ring
        added = policy.add(self.policy, done.outputs)
        self.policy, events = policy.advance(model, JobPlan(), "", added, until_ms)
        self.events += events


def coded(signals: ModelSignals, columns: Sequence[Floats]) -> tuple[npt.NDArray[np.uint8], Floats]:
    """Codes of the values of each feature, and the numbers among them."""
    codes = np.empty((len(columns[0]), len(columns)), np.uint8)
    values = np.column_stack([columns[position] for position in signals.numeric] or [np.empty((len(codes), 0))])
    if signals.numeric:
        codes[:, signals.numeric] = signals.numeric_coder.codes(np.ascontiguousarray(values))
    for position, coder in zip(signals.named, signals.category_coders, strict=True):
        codes[:, position] = coder.codes([category(value) for value in columns[position].tolist()])
    return codes, values


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
    return Stream(Detection(ModelSignals(model, related(model, profile, list(columns.values())))))


def related(model: ModelPlan, profile: Profile, columns: Sequence[Floats]) -> Profile:
    """The profile with the relations of its features, from their values, as `tidemark profile` makes it."""
    if model.pairs is None:
        return profile
    codes, _ = coded(ModelSignals(model, profile), columns)
    return msgspec.structs.replace(profile, relations=fit(profile.signals, codes))


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
        texts = [category(value) for value in values.tolist()]
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


def category(value: float) -> str:
    """Name of the category that a number stands for."""
    return f"c{value:.0f}"
