"""A small job to decode records with, and what comes out of it in a form to compare."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np

from config.plan import (
    AlarmsPlan,
    FeaturePlan,
    JobPlan,
    ModelPlan,
    Plan,
    PredictionPlan,
    SegmentPlan,
    SinkPlan,
    SourcePlan,
    WindowPlan,
)
from operators.decode import Decoder
from operators.encoding import chunks
from operators.encoding.chunks import Pane
from operators.encoding.entries import Batch, Counts, Entry, Place
from operators.encoding.keys import COUNTS, LETTER, source_of
from operators.profiles.references import JobReferences
from schemas import dead_letters
from schemas.dead_letters import DeadLetter
from schemas.profile import CategoricalSignal, NumericSignal, Profile, Provenance

PANE_MS = 10_000
NOW_MS = 1_767_225_600_000  # 2026-01-01, the beginning of a pane

FEATURES = (
    FeaturePlan(name="age", type="numeric"),
    FeaturePlan(name="income", type="numeric"),
    FeaturePlan(name="plan", type="categorical"),
    FeaturePlan(name="member", type="boolean"),
)


def model(name: str = "churn", **changes: Any) -> ModelPlan:
    plan = ModelPlan(
        name=name,
        window=WindowPlan(size_ms=60_000, slide_ms=10_000, min_count=1, grow_to_ms=60_000),
        alarms=AlarmsPlan(budget=1.0, period_ms=1, confirm=1, recover=1, min_effect="small", critical="large"),
        features=FEATURES,
        segments=(SegmentPlan(fields=("country",)),),
        prediction=PredictionPlan(task="binary", positive="yes"),
    )
    return msgspec.structs.replace(plan, **changes)


def numeric(*edges: float) -> NumericSignal:
    return NumericSignal(
        count=10 * (len(edges) + 1),
        missing=0,
        invalid=0,
        mean=50.0,
        sd=10.0,
        min=0.0,
        max=100.0,
        discrete=False,
        edges=edges,
        counts=(10,) * (len(edges) + 1),
        means=(1.0,) * (len(edges) + 1),
    )


def named(*names: str, rest: int = 0, count: int = 100) -> CategoricalSignal:
    return CategoricalSignal(
        count=count * len(names) + rest,
        missing=0,
        invalid=0,
        categories=tuple((name, count) for name in names),
        rest=rest,
        distinct=len(names) + (rest > 0),
    )


def profile(name: str = "churn", version: str | None = "3", **changes: Any) -> Profile:
    made = Profile(
        model=name,
        version=version,
        provenance=Provenance(source="a.jsonl", rows=100, start=None, end=None, tidemark="0"),
        signals={
            "feature.age": numeric(20.0, 40.0, 60.0),
            "feature.income": numeric(0.0, 1e6),
            "feature.plan": named("gold", "basic"),
            "feature.member": named("false", "true"),
            "prediction": named("no", "yes"),
            "confidence": numeric(0.5, 0.9),
        },
        segments={"country": (("country=DE", 60), ("country=US", 30))},
    )
    return msgspec.structs.replace(made, **changes)


TOPIC = SourcePlan(name="predictions", kind="predictions", topic="predictions")


def job(
    *sources: SourcePlan,
    models: tuple[ModelPlan, ...] = (),
    profiles: dict[str, dict[str, Profile]] | None = None,
    payload: str = "none",
    **changes: Any,
) -> JobReferences:
    models = models or (model(),)
    plan = Plan(
        job=JobPlan(pane_ms=PANE_MS),
        sources=sources or (TOPIC,),
        events=SinkPlan(topic="drift-events"),
        dead_letters=SinkPlan(topic="drift-dead-letters", payload=payload),  # type: ignore[arg-type]
        models=models,
    )
    plan = msgspec.structs.replace(plan, **changes)
    return JobReferences(plan, profiles or {one.name: {"": profile(one.name)} for one in models})


class Decoded:
    """Entries of one or more batches, sorted out."""

    def __init__(self, entries: list[Entry]) -> None:
        self.counts = Counts()
        self.letters: list[DeadLetter] = []
        self.newest_ms: dict[str, int] = {}
        parts: dict[tuple[str, int], list[bytes]] = {}
        for entry in entries:
            if entry.key[0] == LETTER:
                letter = dead_letters.decode(entry.data).data
                assert letter.source == source_of(entry.key)
                self.letters.append(letter)
            elif entry.key[0] == COUNTS:
                batch = msgspec.json.decode(entry.data, type=Batch)
                self.counts.add(batch.counts)
                self.newest_ms |= batch.newest_ms
            else:
                assert entry.pane_end_ms == chunks.pane_end(entry.data)
                parts.setdefault((entry.key, chunks.pane_end(entry.data)), []).append(entry.data)
        self.panes: dict[tuple[str, int], Pane] = {key: chunks.decode(parts[key], PANE_MS) for key in sorted(parts)}
        assert self.counts.read == self.counts.used + self.counts.dead + self.counts.late
        assert sum(letter.reason == "dead" for letter in self.letters) == self.counts.dead
        assert sum(letter.reason == "late" for letter in self.letters) == self.counts.late
        whole = sum(len(pane) for (key, _), pane in self.panes.items() if key.endswith("|all"))
        assert whole == self.counts.used - self.counts.ignored

    def same(self) -> object:
        """All of it, to the bit."""
        panes = {
            key: (p.end_ms, p.times_ms.tolist(), p.codes.tolist(), p.sums.tolist(), p.raw.tobytes(), p.names)
            for key, p in self.panes.items()
        }
        letters = sorted(map(msgspec.json.encode, self.letters))
        return panes, letters, self.counts

    def codes(self, key: str = "m|churn|3|champion|all") -> list[list[int]]:
        """Codes of a key's records, in their order."""
        return [row for (name, _), pane in self.panes.items() if name == key for row in pane.codes.tolist()]


def record(**changes: Any) -> dict[str, Any]:
    """A record with nothing wrong; ``features`` are changed one by one."""
    made: dict[str, Any] = {
        "id": "a1",
        "timestamp": "2026-01-01T00:00:00Z",
        "model": "churn",
        "version": "3",
        "features": {"age": 41, "income": 5e5, "plan": "gold", "member": True, "title": "not watched"},
        "prediction": "yes",
        "probabilities": {"yes": 0.83, "no": 0.17},
        "country": "DE",
    }
    return made | changes


GOOD = [2, 1, 0, 1, 1, 1]  # codes of `record()`


def line(**changes: Any) -> bytes:
    return json.dumps(record(**changes)).encode()


def decode(
    lines: list[bytes | None],
    references: JobReferences | None = None,
    times_ms: list[int] | None = None,
    late: list[bool] | None = None,
    broker_ms: list[int] | None = None,
) -> Decoded:
    """Decode one batch of a topic."""
    references = references or job()
    return Decoded(
        Decoder(references, references.plan.sources[0]).decode(
            lines,
            np.array(times_ms or [NOW_MS] * len(lines), np.int64),
            np.array(late or [False] * len(lines), np.bool_),
            Place(topic="predictions", partitions=[2] * len(lines), offsets=range(48_112, 48_112 + len(lines))),
            None if broker_ms is None else np.array(broker_ms, np.int64),
        )
    )
