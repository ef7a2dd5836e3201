"""Panes for tests, and a driver that shows them to a monitor: restarts and shuffles are items among them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from config.plan import AlarmsPlan, DetectorPlan, FeaturePlan, ModelPlan, SegmentPlan, WindowPlan
from operators.decisions.outputs import Output, SignalChange, Told
from operators.encoding import chunks
from operators.encoding.chunks import Pane
from operators.encoding.unnamed import Names
from operators.monitor import step
from operators.monitoring.detection import Detection
from operators.monitoring.state import Key
from operators.profiles.references import FEATURE, ModelSignals
from schemas.profile import Profile, Provenance, Signal
from schemas.summaries import Summary
from tests.operators.signals import categorical_signal, numeric_signal

MINUTE = 60_000
RESTART, SHUFFLE = "restart", "shuffle"
WINDOWED = (DetectorPlan(name="psi"), DetectorPlan(name="lepage"))
TENTHS = numeric_signal(np.arange(1, 10), np.full(10, 1_000), discrete=False)  # a value of 3.5 has the code 3


def detection(signals: dict[str, Signal] | None = None, detectors: Any = WINDOWED, **more: Any) -> Detection:
    """Of a model with features as named: windows of 3 minutes, each minute, from 100 records."""
    signals = {"age": TENTHS} if signals is None else signals
    slices = more.pop("slices", {})
    window = {"size_ms": 3 * MINUTE, "slide_ms": MINUTE, "min_count": 100, "grow_to_ms": 3 * MINUTE, "previous_ms": 0}
    alarms = {"confirm": 2, "recover": 2, "min_effect": "small", "critical": "large"}
    for given in (window, alarms):
        given.update({name: more.pop(name) for name in list(more) if name in given})
    model = ModelPlan(
        name="churn",
        window=WindowPlan(**window),
        alarms=AlarmsPlan(budget=more.pop("budget", 1.0), period_ms=30 * 86_400_000, **alarms),
        features=tuple(
            FeaturePlan(
                name=name,
                type="categorical" if signal == categorical_signal([]) or hasattr(signal, "categories") else "numeric",
                detectors=detectors[name] if isinstance(detectors, dict) else detectors,
                sensitive=name in more.get("sensitive", ()),
                range=more.get("ranges", {}).get(name),
            )
            for name, signal in signals.items()
        ),
        segments=tuple(SegmentPlan(fields=fields) for fields in more.get("segments", ())),
        disclose=more.get("disclose", 20),
        quality=more.get("quality", msgspec.UNSET),
        correlation=more.get("correlation", msgspec.UNSET),
        classifier=msgspec.UNSET if "domain" not in more else True,
        prediction=more.get("prediction"),
        estimated=more.get("estimated", msgspec.UNSET),
    )
    profile = Profile(
        model="churn",
        version=None,
        provenance=Provenance(source="reference.jsonl", rows=10_000, start=None, end=None, tidemark="0"),
        signals={FEATURE + name: signal for name, signal in signals.items()},
        segments={
            fields: tuple((text, one.records) for text, one in found.items()) for fields, found in slices.items()
        },
        slices=slices or msgspec.UNSET,
        quality=more.get("shares", msgspec.UNSET),
        relations=more.get("relations", msgspec.UNSET),
        domain=more.get("domain", msgspec.UNSET),
        estimation=more.get("estimation", msgspec.UNSET),
    )
    return Detection(ModelSignals(model, profile))


@dataclass(frozen=True)
class Records:
    """Records of a pane, evenly spread over it: codes, shape (records, signals), and raw values."""

    end_ms: int
    codes: np.ndarray
    length_ms: int = MINUTE
    raw: np.ndarray | None = None
    names: Names = field(default_factory=dict)
    outside: list[int] | None = None


@dataclass
class Driver:
    """A monitor of one key, and all it has said."""

    detection: Detection
    segment: str = "all"
    scores: bool = False
    state: bytes = b""
    ring: bytes = b""
    accepted: bytes = b""
    next_ms: int | None = None
    outputs: list[Output] = field(default_factory=list)
    summaries: list[Summary] = field(default_factory=list)
    counted: int = 0
    rings_read: int = 0

    def run(self, items: Iterable[Records | int | str | Told], again: Detection | None = None) -> Driver:
        """Show panes; let time pass to a moment (int); restart; permute the records of the panes that come."""
        order = None
        for item in items:
            if item == RESTART:
                for name in ("state", "ring", "accepted"):
                    setattr(self, name, bytes(bytearray(getattr(self, name))))
                self.detection = Detection(self.detection.signals)
            elif item == SHUFFLE:
                order = np.random.default_rng(len(self.outputs))
            elif isinstance(item, int):
                while self.next_ms is not None and self.next_ms <= item:
                    self._step(None, self.next_ms)
            elif isinstance(item, Told):
                self._step(None, item.time_ms, [item])  # a moment before the end of its pane
            else:
                self._step(pane(item, self.detection, order, whole=self.segment == "all"), item.end_ms)
        return self

    def _step(self, shown: Pane | None, until_ms: int, told: Sequence[Told] = ()) -> None:
        key = Key("churn", "3", "champion", self.segment)
        kept = self.state, self._read_ring
        done = step(self.detection, key, *kept, shown, until_ms, self.scores, lambda: self.accepted, told)
        self.state, self.next_ms = done.state, done.next_ms
        self.ring = self.ring if done.ring is None else done.ring
        self.accepted = self.accepted if done.accepted is None else done.accepted
        self.outputs += done.outputs
        self.summaries += done.summaries
        self.counted += done.counted

    def _read_ring(self) -> bytes:
        self.rings_read += 1
        return self.ring

    @property
    def changes(self) -> list[SignalChange]:
        """What it said of signals."""
        return [output for output in self.outputs if isinstance(output, SignalChange)]

    @property
    def told(self) -> list[tuple[int, str, str, str]]:
        """Minute, signal, state and direction or reason of each change."""
        return [
            (
                change.time_ms // MINUTE,
                change.evidence.signal.removeprefix(FEATURE),
                change.state,
                change.why or change.evidence.effect.direction,
            )
            for change in self.changes
        ]

    @property
    def said(self) -> bytes:
        """All of it, to be compared whole."""
        return msgspec.json.encode([self.outputs, self.summaries])


def pane(records: Records, of: Detection, order: np.random.Generator | None = None, *, whole: bool = True) -> Pane:
    """The pane that its chunks come to: of one, or, with an order, of several with the records mixed."""
    codes = np.ascontiguousarray(records.codes, np.uint8)
    count = len(codes)
    raw = np.empty((count, 0)) if records.raw is None else records.raw
    offsets = (np.arange(count) * records.length_ms) // max(count, 1)
    hashes = np.arange(count, dtype=np.uint64) << np.uint64(32)
    values = np.where(codes[:, of.signals.numeric] < 250, codes[:, of.signals.numeric] + 0.5, np.nan)
    parts = [np.arange(count)] if order is None else np.array_split(order.permutation(count), 3)
    made = []
    for part in (one for one in parts if len(one)):
        sums = of.signals.moments.sums(
            np.ascontiguousarray(values[part]),
            np.ascontiguousarray(codes[part][:, of.signals.numeric]),
            np.array([len(part)]),
        )[0]
        rows = chunks.rows(offsets[part], hashes[part], np.ascontiguousarray(codes[part]), raw[part])
        made.append(
            chunks.encode(
                records.end_ms,
                of.signals.meaning,
                codes.shape[1],
                raw.shape[1],
                len(sums),
                len(part),
                sums.tobytes(),
                rows.tobytes(),
                {} if made else records.names,
                None if made else records.outside,
            )
        )
    return chunks.decode(made, records.length_ms, hashes=of.wants_hashes and whole)


def timeline(drawn: str, kinds: dict[str, Sequence[int]], records: int = 200, start: int = 0) -> list[Records | int]:
    """A minute a letter: that many records with these codes in turn; a dot: none, and time passes."""
    items: list[Records | int] = []
    for minute, letter in enumerate(drawn.replace(" ", ""), start + 1):
        if letter == ".":
            items.append(minute * MINUTE)
            continue
        codes = np.resize(np.array(kinds[letter], np.uint8), records)
        items.append(Records(minute * MINUTE, np.random.default_rng(minute).permutation(codes)[:, None]))
    return items
