"""A backtest: files in, the events of the job out, however the records lie in the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from config.plan import (
    AlarmsPlan,
    FeaturePlan,
    JobPlan,
    LabelsPlan,
    LearnPlan,
    ModelPlan,
    Plan,
    QualityPlan,
    RulePlan,
    SegmentPlan,
    SinkPlan,
    SourcePlan,
    TimePlan,
    WindowPlan,
)
from jobs import backtest
from jobs.backtest import Backtest, Result
from operators.monitoring.state import Key
from operators.profiles.profiling import ProfileBuilder
from operators.profiles.references import JobReferences
from operators.profiles.slicing import SliceCounter
from operators.reading.columns import extract
from schemas.cloudevents import milliseconds
from schemas.errors import UsageError
from schemas.events import DriftEvent, Example, encode
from schemas.profile import Profile, Provenance
from schemas.summaries import Summary
from tests.operators.panes import MINUTE
from tests.operators.signals import categorical_signal, continuous_signal

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
STEP_MS = 300


def records(count: int = 6_000, drift_at: int = 3_000, model: str = "churn") -> list[dict[str, Any]]:
    """A record each 0.3 s; the age moves up in the middle."""
    rng = np.random.default_rng(7)
    ages, countries = rng.normal(size=count), rng.choice(["DE", "FR"], count, p=[0.6, 0.4])
    ages[drift_at:] += 1.0
    return [
        {
            "id": f"{model}-{row}",
            "timestamp": START_MS + row * STEP_MS,
            "model": model,
            "version": "1",
            "features": {"age": float(age), "country": str(country)},
        }
        for row, (age, country) in enumerate(zip(ages, countries, strict=True))
    ]


def model(name: str = "churn", slide_ms: int = 5 * MINUTE) -> ModelPlan:
    return ModelPlan(
        name=name,
        window=WindowPlan(size_ms=10 * MINUTE, slide_ms=slide_ms, min_count=200, grow_to_ms=60 * MINUTE),
        alarms=AlarmsPlan(
            budget=1.0, period_ms=30 * 86_400_000, confirm=2, recover=2, min_effect="small", critical="large"
        ),
        features=(FeaturePlan(name="age", type="numeric"), FeaturePlan(name="country", type="categorical")),
        segments=(SegmentPlan(fields=("country",)),),
    )  # fmt: skip


def run(
    folder: Path,
    *files: str,
    models: tuple[ModelPlan, ...] = (model(),),
    profiles: Any = None,
    more_sources: tuple[SourcePlan, ...] = (),
    **more: Any,
) -> Result:
    """A backtest over sources of one file each."""
    sources = tuple(
        SourcePlan(
            name=Path(file).stem.replace("*", "all"),
            kind="predictions",
            path=str(folder / file),
            format="jsonl",
            time=TimePlan(kind="payload"),
        )
        for file in files
    )
    rng = np.random.default_rng(1)
    profile = Profile(
        model="churn",
        version=None,
        provenance=Provenance(source="reference", rows=10_000, start=None, end=None, tidemark="0"),
        signals={
            "feature.age": continuous_signal(rng.normal(size=10_000)),
            "feature.country": msgspec.structs.replace(
                categorical_signal([6_000, 4_000]), categories=(("DE", 6_000), ("FR", 4_000))
            ),
        },
        segments={"country": (("country=DE", 6_000), ("country=FR", 4_000))},
    )
    plan = Plan(
        job=JobPlan(name="t"), sources=(*sources, *more_sources), events=SinkPlan(path="events.jsonl"), models=models
    )
    return Backtest(
        JobReferences(plan=plan, profiles=profiles or {one.name: {"": profile} for one in models}), **more
    ).run()


def write(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def events(result: Result) -> list[bytes]:
    return sorted(encode(event) for event in result.events)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "all.jsonl", records())
    return tmp_path


def test_a_drift_is_found_in_each_segment(folder):
    """In the whole traffic and in both countries, as one incident; and the counts add up."""
    result = run(folder, "all.jsonl")
    opened = [event for event in result.events if event.type == "io.tidemark.drift.opened"]
    assert {event.subject for event in opened} == {"churn/1/all", "churn/1/country=DE", "churn/1/country=FR"}
    assert len({event.data.incident for event in opened}) == 1
    assert [event.data.window.share for event in opened if event.subject == "churn/1/all"] == [1.0]
    shares = [event.data.window.share for event in opened if event.subject != "churn/1/all"]
    assert sum(shares) == pytest.approx(1.0)
    assert msgspec.structs.asdict(result.records) == {"read": 6_000, "used": 6_000, "dead": 0, "late": 0, "ignored": 0}
    assert result.counted == 6_000


LEARNING = msgspec.structs.replace(
    model(),
    segments=(SegmentPlan(fields=("country",), values=(("DE",), ("FR",))),),
    learn=LearnPlan(records=1_000, save=""),
)


def test_a_version_learns_its_reference(folder):
    """It is told when, in the whole traffic and in each segment; then the drift is found by it."""
    profiles: dict[str, Profile] = {}

    def keep(key: Key, profile: Profile) -> None:
        profiles[f"churn/1/{key.segment}"] = profile

    result = run(folder, "all.jsonl", models=(LEARNING,), profiles={"churn": {}}, on_profile=keep)
    learned = {event.subject: event for event in result.events if event.type == "io.tidemark.profile.learned"}
    assert learned.keys() == {"churn/1/all", "churn/1/country=DE", "churn/1/country=FR"}
    assert {key: profile.id for key, profile in profiles.items()} == {k: e.data.profile for k, e in learned.items()}
    opened = {
        event.subject: event.data.reference for event in result.events if event.type == "io.tidemark.drift.opened"
    }
    assert opened.keys() == learned.keys()
    for subject, reference in opened.items():
        assert (reference.id, reference.kind) == (learned[subject].data.profile, "learned")
    assert result.counted == 6_000


PREVIOUS = msgspec.structs.replace(
    LEARNING, window=msgspec.structs.replace(LEARNING.window, previous_ms=10 * MINUTE, grow_to_ms=10 * MINUTE)
)


def test_a_window_is_compared_with_the_time_before_it(folder):
    """In the whole traffic and in the segments, on what was learned; the change is over when it has lasted."""
    write(folder / "long.jsonl", records(18_000, 6_000))
    result = run(folder, "long.jsonl", models=(PREVIOUS,), profiles={"churn": {}})
    learned = {event.subject: event.data.profile for event in result.events if event.type.endswith("profile.learned")}
    opened = {event.subject: event.data for event in result.events if event.type == "io.tidemark.drift.opened"}
    assert opened.keys() == learned.keys()
    for subject, data in opened.items():
        assert (data.reference.id, data.reference.kind) == (learned[subject], "previous")
        assert data.reference.span.end == data.window.start
        assert [signal.detector for signal in data.signals if "page_hinkley" in signal.detector] == []
        assert abs(milliseconds(data.onset) - START_MS - 6_000 * STEP_MS) < 2 * MINUTE
    resolved = {event.subject: event.data for event in result.events if event.type == "io.tidemark.drift.resolved"}
    assert resolved.keys() == learned.keys()
    for data in resolved.values():
        assert data.reference.span.end == data.window.start
        assert "is like the time before it" in data.message


WATCHED = msgspec.structs.replace(
    model(),
    features=(FeaturePlan(name="age", type="numeric", range=(-9.0, 4.0)), *model().features[1:]),
    quality=QualityPlan(),
)


def worse(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records, from the middle on with gaps, texts for numbers, values out of range and a new country."""
    for row in range(len(lines) // 2, len(lines)):
        features = lines[row]["features"]
        features["age"] = {0: None, 1: "old", 2: 5.0 + features["age"] % 1}.get(row % 10, features["age"])
        if row % 10 == 3:
            features["country"] = "IT"
    return lines


def test_quality_is_watched(folder):
    """Each kind opens in the one episode of its kind, in the whole and in the segments, with its own evidence."""
    write(folder / "worse.jsonl", worse(records(drift_at=6_000)))
    result = run(folder, "worse.jsonl", models=(WATCHED,))
    found = [event.data for event in result.events if event.data.kind == "quality" and event.subject == "churn/1/all"]
    assert found[0].message.startswith("quality.")
    assert "% of records, in the reference 0 % (alarm above " in found[0].message
    shown = {signal.signal: signal for event in found for signal in event.signals}
    assert shown.keys() == {
        "quality.missing.age", "quality.invalid.age", "quality.range.age", "quality.unseen.country"
    }  # fmt: skip
    assert {signal.detector for signal in shown.values()} == {"share"}
    assert found[0].affected.of == 6
    for signal in shown.values():
        assert abs(milliseconds(signal.onset) - START_MS - 3_000 * STEP_MS) < MINUTE
    assert [value.values for value in shown["quality.unseen.country"].unseen or ()] == ["IT"]
    assert {event.subject for event in result.events if event.data.kind == "quality"} > {"churn/1/country=DE"}
    plain = run(folder, "worse.jsonl")
    assert all(event.data.kind != "quality" for event in plain.events)


EXPECTING = msgspec.structs.replace(
    model(),
    expect=(
        RulePlan(field="age", what="max", limit=4.5, number=True),
        RulePlan(field="age", what="missing", limit=0.05, number=True),
        RulePlan(field="country", what="values", values=("DE", "FR")),
        RulePlan(field="country", what="missing", limit=0.05),
    ),
)


def test_expectations_alarm_at_once(folder):
    """At the end of the slide, as critical, with the places of the first records; until they are kept again."""
    lines = records(drift_at=6_000)
    lines[3_101]["features"]["age"], lines[3_200]["features"]["country"] = 5.0, "IT"
    for row in range(3_000, 3_500, 4):
        lines[row]["features"]["age"] = None
    write(folder / "some.jsonl", lines)
    result = run(folder, "some.jsonl", models=(EXPECTING,))
    found = [event.data for event in result.events if event.data.kind == "quality"]
    assert [(data.detected, data.severity, len(data.signals), data.why) for data in found] == [
        ("2026-01-01T00:20:00.000Z", "critical", 3, None),
        ("2026-01-01T00:20:00.000Z", "critical", 1, None),
    ]
    shown = {signal.signal: signal for signal in found[0].signals}
    assert shown.keys() == {"expect.age.max", "expect.age.missing", "expect.country.values"}
    assert shown["expect.age.max"].onset == "2026-01-01T00:15:30.300Z"
    assert shown["expect.age.max"].examples == (Example(path=str(folder / "some.jsonl"), row=3_101),)
    assert [example.row for example in shown["expect.age.missing"].examples or ()] == [3_000, 3_004, 3_008]
    assert shown["expect.age.missing"].current.missing == pytest.approx(125 / 2_000)
    assert {signal.detector for signal in shown.values()} == {"expectation"}
    assert found[0].affected.of == 4


def test_expectations_of_a_version_that_is_learned(folder):
    """They do not wait for a reference."""
    lines = records(1_500)
    lines[100]["features"]["age"] = 99.0
    write(folder / "some.jsonl", lines)
    plan = msgspec.structs.replace(LEARNING, expect=EXPECTING.expect)
    found = run(folder, "some.jsonl", models=(plan,), profiles={"churn": {}}).events
    assert [(event.data.kind, event.data.reference.kind) for event in found if isinstance(event, DriftEvent)][:1] == [
        ("quality", "learned")
    ]


@pytest.mark.parametrize("plan", [model(), LEARNING, PREVIOUS, WATCHED])
def test_how_records_lie_in_files_changes_nothing(folder, monkeypatch, plan):
    """One file, a folder of files, two sources, records out of order, or small blocks: the same events."""
    given = {"models": (plan,), **({"profiles": {"churn": {}}} if plan.learn else {})}
    lines = worse(records()) if plan is WATCHED else records()
    write(folder / "all.jsonl", lines)
    for part in range(3):
        write(folder / f"part-{part}.jsonl", lines[2_000 * part : 2_000 * part + 2_000])
    write(folder / "even.jsonl", lines[::2])
    write(folder / "odd.jsonl", lines[1::2])
    order = np.random.default_rng(3).permutation(10)
    write(folder / "mixed.jsonl", [lines[10 * tens + number] for tens in range(600) for number in order])
    expected = events(run(folder, "all.jsonl", **given))
    assert len(expected) >= 3
    assert events(run(folder, "part-*.jsonl", **given)) == expected
    assert events(run(folder, "even.jsonl", "odd.jsonl", **given)) == expected
    assert events(run(folder, "mixed.jsonl", **given)) == expected
    monkeypatch.setattr(backtest, "ROWS", 700)
    assert events(run(folder, "all.jsonl", **given)) == expected


def test_late_and_dead_records_are_letters(folder, monkeypatch):
    """They are counted, each is a letter, and the events are those of the others. Late: after the block before."""
    monkeypatch.setattr(backtest, "ROWS", 1_000)
    lines = records()
    write(folder / "good.jsonl", [line for number, line in enumerate(lines) if number % 97])
    bad = [line if number % 97 else line | {"features": 3} for number, line in enumerate(lines)]
    write(folder / "bad.jsonl", [*bad, lines[0]])
    result = run(folder, "bad.jsonl")
    dead = len(range(0, 6_000, 97))
    assert msgspec.structs.asdict(result.records) == {
        "read": 6_001, "used": 6_000 - dead, "dead": dead, "late": 1, "ignored": 0
    }  # fmt: skip
    assert len(result.letters) == dead + 1
    assert events(result) == events(run(folder, "good.jsonl"))


def test_models_with_slides_of_their_own(folder):
    """Each is evaluated at the end of its own slides, and its events are those it would have alone."""
    lines, others = records(), records(model="fraud")
    write(folder / "both.jsonl", [line for pair in zip(lines, others, strict=True) for line in pair])
    write(folder / "fraud.jsonl", others)
    models = (model(), model("fraud", 2 * MINUTE))
    together = run(folder, "both.jsonl", models=models)
    alone = [run(folder, "all.jsonl", models=models), run(folder, "fraud.jsonl", models=models)]
    assert events(together) == sorted([*events(alone[0]), *events(alone[1])])
    assert {event.data.model for event in together.events} == {"churn", "fraud"}


def test_every_window_is_summarised_once(folder):
    """For each key and slide with records, also for the last one, which the stream does not fill."""
    summaries: list[Summary] = []
    progress: list[int] = []
    run(folder, "all.jsonl", on_summary=summaries.append, on_progress=progress.append)
    seen = [(summary.segment, summary.window.end[11:16]) for summary in summaries]
    ends = ["00:05", "00:10", "00:15", "00:20", "00:25", "00:30"]
    assert sorted(seen) == sorted((key, end) for key in ("all", "country=DE", "country=FR") for end in ends)
    assert progress == [6_000]


def test_a_topic_is_not_read():
    """A backtest says what to do instead."""
    source = SourcePlan(name="predictions", kind="predictions", topic="predictions")
    plan = Plan(job=JobPlan(), sources=(source,), events=SinkPlan(path="events.jsonl"), models=())
    with pytest.raises(UsageError) as raised:
        Backtest(JobReferences(plan=plan, profiles={})).run()
    assert str(raised.value) == "sources.predictions: is a topic; a backtest reads files (give them with --data)"


def test_nothing_to_read(folder):
    """An empty file gives nothing."""
    (folder / "empty.jsonl").write_text("")
    result = run(folder, "empty.jsonl")
    assert (result.events, result.records.read, result.counted) == ([], 0, 0)


def countries(rng: np.random.Generator, count: int, shift: float = 0.0, drift_at: int = 0) -> list[dict[str, Any]]:
    """Records of which those from DE are always older, and from a record on older still."""
    found = []
    for row, country in enumerate(rng.choice(["DE", "FR", "AT"], count, p=[0.3, 0.65, 0.05]).tolist()):
        age = rng.normal() + (1.5 if country == "DE" else 0.0)
        if country == "DE" and row >= drift_at:
            age += shift
        found.append(
            {
                "id": f"{row}",
                "timestamp": START_MS + row * STEP_MS,
                "model": "churn",
                "version": "1",
                "features": {"age": float(age), "country": country},
            }
        )
    return found


def referred(sliced: bool = True) -> Profile:
    """A profile of 10,000 of these records; AT has 500 of them, and is not listed."""
    listed = msgspec.structs.replace(model(), disclose=1_000)
    lines = [json.dumps(line).encode() for line in countries(np.random.default_rng(5), 10_000)]
    source = SourcePlan(name="reference", kind="predictions", path="a.jsonl", format="jsonl")
    columns = extract(lines, source, ["age", "country"], ["country"])
    builder = ProfileBuilder(listed)
    builder.add(columns, source)
    made = builder.build(Provenance(source="a", rows=10_000, start=None, end=None, tidemark="0"), None)
    if not sliced:
        return made
    counter = SliceCounter(listed, made)
    counter.add(columns, source)
    return counter.build()


@pytest.mark.parametrize("sliced", [True, False])
def test_a_segment_that_has_always_been_different_is_no_drift(tmp_path, sliced):
    """DE is older than the rest, as it was in the reference; with an older profile that is an episode for ever."""
    write(tmp_path / "all.jsonl", countries(np.random.default_rng(6), 30_000))
    result = run(tmp_path, "all.jsonl", profiles={"churn": {"": referred(sliced)}})
    opened = {event.subject for event in result.events if event.type == "io.tidemark.drift.opened"}
    others = {"churn/1/country=DE", "churn/1/country=FR", "churn/1/country=other"}
    assert opened == (set() if sliced else others)


def test_a_drift_inside_a_segment_is_found_there(tmp_path):
    """DE gets older still: its own episode has its own reference beside it, and its neighbours have none."""
    write(tmp_path / "all.jsonl", countries(np.random.default_rng(6), 20_000, shift=0.5, drift_at=10_000))
    result = run(tmp_path, "all.jsonl", profiles={"churn": {"": referred()}})
    opened = [event for event in result.events if event.type == "io.tidemark.drift.opened"]
    assert "churn/1/country=DE" in {event.subject for event in opened}
    assert not {"churn/1/country=FR", "churn/1/country=other"} & {event.subject for event in opened}
    [signal] = next(event for event in opened if event.subject == "churn/1/country=DE").data.signals
    assert (signal.signal, signal.effect.direction) == ("feature.age", "up")
    assert signal.reference.mean == pytest.approx(1.5, abs=0.1)
    assert signal.reference.sd == pytest.approx(1.0, abs=0.1)
    assert signal.histogram.reference == pytest.approx([0.1] * 10, abs=0.02)
    assert sum(signal.histogram.current[5:]) > 0.5


def test_labels_find_their_predictions(folder, monkeypatch):
    """Labels early, again, of nobody, unusable and late: each is counted once; the events are what they were."""
    before = events(run(folder, "all.jsonl"))
    labels = [
        {"id": f"churn-{row}", "timestamp": START_MS + row * STEP_MS + 60_000, "label": "yes"}
        for row in range(0, 6_000, 3)
    ]
    labels += [one | {"timestamp": one["timestamp"] + 30_000} for one in labels[::10]]  # again
    labels += [{"id": f"x{row}", "timestamp": START_MS + row, "label": "no"} for row in range(50)]  # of nobody
    # A pane before its prediction, two panes before, and longer after it than `within`.
    labels += [{"id": f"churn-{row}", "timestamp": START_MS + row * STEP_MS - 9_000, "label": "no"} for row in (40, 70)]
    labels += [{"id": f"churn-{row}", "timestamp": START_MS + row * STEP_MS - 25_000, "label": "no"} for row in (160,)]
    labels += [{"id": f"churn-{row}", "timestamp": START_MS + row * STEP_MS + 300_001, "label": "no"} for row in (1, 2)]
    labels += [{"timestamp": START_MS, "label": "no"}]
    labels.sort(key=lambda one: one["timestamp"])
    labels += [{"id": "churn-1", "timestamp": START_MS, "label": "no"}] * 2  # long after its pane
    write(folder / "labels.jsonl", labels)
    source = SourcePlan(
        name="labels", kind="labels", path=str(folder / "labels.jsonl"), format="jsonl", time=TimePlan(kind="payload")
    )
    plan = msgspec.structs.replace(model(), labels=LabelsPlan(within_ms=300_000))
    monkeypatch.setattr(backtest, "ROWS", 500)
    result = run(folder, "all.jsonl", models=(plan,), more_sources=(source,))
    assert msgspec.structs.asdict(result.labels) == {
        "read": len(labels), "matched": 2_002, "duplicate": 200, "orphan": 53, "overdue": 0, "ignored": 0, "dead": 1,
        "late": 2,
    }  # fmt: skip
    assert events(result) == before
    assert len(result.letters) == 3
