"""Labels delayed, again, missing, out of order and of nobody: counts and performance are those of a backtest."""

from __future__ import annotations

import csv
import json
import os
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest

from jobs.broker import Broker
from jobs.savepoints import latest_checkpoint
from jobs.totals import read_totals
from schemas import control, events, summaries
from schemas.cloudevents import timestamp
from schemas.control import Accept, Mute
from schemas.events import RetrainEvent, decode
from tests.e2e.comparing import assert_same
from tests.e2e.conftest import Known
from tests.e2e.running import Live, command, tidemark
from tests.e2e.stream import DISORDER_MS, DRIFT_MS, Record, configure, write
from tests.e2e.topics import committed, create, produce

pytestmark = pytest.mark.e2e

WITHIN_MS = 120_000
PANE_MS = 10_000

Measure = tuple[str, str, str, str, str, int, "float | None", bool]


def label(time_ms: int, identity: object, model: str, **changes: object) -> Record:
    """A label that comes at a time."""
    document = {"id": identity, "timestamp": time_ms, "model": model, "label": "yes", **changes}
    return Record(time_ms, time_ms % 2, json.dumps(document).encode())


def labels(records: list[Record]) -> tuple[list[Record], dict[str, int], list[Record]]:
    """Labels of a stream in the order in which they come, what must become of them, and records with labels within."""
    random = np.random.default_rng(5)
    known = [(record.time_ms, json.loads(record.line or b"")) for record in records]
    delayed = [(time, document) for time, document in known if "id" in document and random.random() < 0.5]
    made: list[Record] = []
    fates = {"read": 0, "matched": 0, "duplicate": 0, "orphan": 0, "overdue": 0, "ignored": 0, "dead": 0, "late": 0}

    def add(fate: str, *which: Record) -> None:
        made.extend(which)
        fates[fate] += len(which)
        fates["read"] += len(which)

    # 0.8: both models have a source of labels; a regression's are numbers.
    right = {"churn": "yes", "fraud": 0.8}
    for time, document in delayed:
        delay = int(random.exponential(60_000))
        model = document["model"]
        first = label(time + delay, document["id"], model, label=right[model])
        add("matched" if delay <= WITHIN_MS else "orphan", first)
        if random.random() < 0.1:
            later = delay + 30_000 + int(random.integers(0, 1_000))  # some panes later, or too late as well
            fate = "duplicate" if later <= WITHIN_MS else "orphan"
            add(fate, label(time + later, document["id"], model, label=right[model]))
    start = records[0].time_ms
    for number in range(300):
        add("orphan", label(start + number * 1_000, f"nobody-{number}", "churn"))
        add("ignored", label(start + number * 1_000, "r1", "unknown"))
    for number in range(20):
        add("dead", label(start + number * 1_000, None, "churn"), label(start + number * 1_000, "r1", "fraud"))
    taken = {"", *(document["id"] for _, document in delayed)}
    unlabelled = [(time, document) for time, document in known if document.get("id", "") not in taken]
    for time, document in unlabelled[500:800]:
        end = time - time % PANE_MS
        model = document["model"]
        add("matched", label(end - 5_000, document["id"], model, label=right[model]))  # in the pane before
    for time, document in unlabelled[1_000:1_300]:
        end = time - time % PANE_MS
        add("orphan", label(end - 15_000, document["id"], document["model"], label=right[document["model"]]))
    own = {document["id"] for _, document in unlabelled[1_500:1_800]}
    carrying = []
    for record in records:
        document = json.loads(record.line or b"")
        if isinstance(document, dict) and document.get("id") in own:
            document["label"] = right[document["model"]]
            record = Record(record.time_ms, record.partition, json.dumps(document).encode())
            fates["matched"] += 1
            fates["read"] += 1
        carrying.append(record)
    assert fates["matched"] > 300
    made.sort(key=lambda one: one.time_ms + int(random.integers(-DISORDER_MS, DISORDER_MS)))
    return made, fates, carrying


def told() -> list[Record]:
    """What people tell the job: a mute that puts a request off, a drift that is normal, and what nobody understands."""
    time_ms, seen_ms, accepted_ms = DRIFT_MS + 140_000, DRIFT_MS + 150_000, DRIFT_MS + 172_000
    mute = control.event(Mute(model="fraud", for_ms=40_000), "test", "mute", timestamp(time_ms))
    normal = Accept(
        model="churn",
        version="1",
        segment={"country": "DE"},
        kind="feature",
        episode="of country=DE",
        signals=("feature.age",),
        seen=timestamp(seen_ms),
    )
    accept = control.event(normal, "test", "accept", timestamp(accepted_ms))
    unknown = control.event(
        msgspec.structs.replace(normal, version="9", episode="of nobody"), "test", "refused", timestamp(accepted_ms)
    )
    return [
        Record(time_ms - 10, 0, b"{"),
        Record(time_ms, 1, control.encode(mute)),
        Record(accepted_ms, 0, control.encode(accept)),
        Record(accepted_ms, 1, control.encode(unknown)),
    ]


def configured(folder: Path, sources: str, sinks: str, said: str, kafka: str | None = None) -> Path:
    """A configuration with labels that come within two minutes; one model's outcomes are settled then."""
    path = configure(folder, sources, sinks, kafka=kafka)
    path.write_text(
        path.read_text()
        + f"defaults: {{labels: {{within: {WITHIN_MS} ms}}}}\n"
        + "groups:\n"
        + "  classes:\n"
        + "    models: [churn]\n"
        + "    performance: [accuracy, {f1: {min: 0.9}}, roc_auc, log_loss]\n"
        + f"    labels: {{mature: {WITHIN_MS} ms, keep: last, absent: no}}\n"
        + "  numbers: {models: [fraud], performance: [mae, r2]}\n"
        + "  asking: {models: ['*'], retrain: {when: [feature], severity: warning, min_samples: 800, "
        + "cooldown: 1 min, max_wait: 2 min, expires: 2 min}}\n"
        + f"control: {{{said}}}\n"
    )
    return path


@dataclass(frozen=True)
class Labelled:
    """The stream with labels, what must become of them, and what a backtest gives of both."""

    records: list[Record]
    made: list[Record]
    fates: dict[str, int]
    events: list[bytes]
    measures: list[Measure]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory, profiles: Path, known: Known) -> Labelled:
    """From files."""
    folder = tmp_path_factory.mktemp("labelled")
    shutil.copytree(profiles, folder / "profiles")
    made, fates, records = labels(known.records)
    write(folder / "data.jsonl", records)
    write(folder / "labels.jsonl", made)
    write(folder / "control.jsonl", told())
    config = configured(
        folder,
        "predictions: {path: data.jsonl}, labels: {path: labels.jsonl}",
        "events: {path: unused.jsonl}",
        "path: control.jsonl",
    )
    scores = folder / "scores.csv"
    backtest = command("backtest", config, "--events", folder / "events.jsonl", "--scores", scores, "--json")
    assert backtest.totals["labels"] == fates
    events = (folder / "events.jsonl").read_bytes().splitlines()
    requests = [event for event in map(decode, events) if event.type == "io.tidemark.retrain.requested"]
    (request,) = (event for event in requests if event.data.model == "fraud")
    assert request.time == timestamp(DRIFT_MS + 180_000)  # 30 s later than without
    asked = [json.loads(line)["type"].rpartition(".")[2] for line in events if b"io.tidemark.retrain" in line]
    of_limit = [line for line in events if b'"kind":"performance"' in line and b"io.tidemark.drift" in line]
    assert of_limit, "F1 is below its limit"
    where = b'"churn/1/country=DE"'
    there = [line for line in events if where in line and line not in of_limit]
    about = [
        (one["type"].rpartition(".")[2], one["data"].get("why"))
        for one in map(json.loads, there)
        if one["data"].get("kind", "feature") == "feature"
    ]
    assert {("rebased", None), ("resolved", "accepted")} <= set(about), "the drift is normal"
    assert about.count(("opened", None)) == 2, "and its end is a drift"
    assert sum(b"control.refused" in line for line in events) == 1
    others = [line for line in known.events if where not in line]
    assert len(events) == len(others) + len(there) + 1 + len(asked) + len(of_limit)
    assert {"waiting", "blocked", "requested", "withdrawn"} <= set(asked)
    return Labelled(records, made, fates, events, of_scores(scores))


def without_offsets(messages: list[bytes], topic: str) -> list[bytes]:
    """Events without what files do not have: offsets, of which there must be some in each partition."""
    found = []
    for message in messages:
        event = events.decode(message)
        if isinstance(event, RetrainEvent):
            on = event.data.train_on
            assert [(where.topic, where.partition) for where in on.offsets] == [(topic, 0), (topic, 1)]
            # Records of this model and others, in the order of their times but for a second's disorder.
            assert sum(where.end - where.start for where in on.offsets) >= on.samples
            data = msgspec.structs.replace(event.data, train_on=msgspec.structs.replace(on, offsets=()))
            message = events.encode(msgspec.structs.replace(event, data=data))
        found.append(message)
    return found


def of_scores(path: Path) -> list[Measure]:
    """Measures of performance and labels that a backtest has written."""
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["signal"].startswith(("performance.", "labels."))]
    return sorted(
        (
            *(row[name] for name in ("time", "model", "version", "segment", "signal")),
            int(row["count"]),
            float(row["statistic"]) if row["statistic"] else None,
            row["alarm"] == "true",
        )
        for row in rows
    )  # fmt: skip


def of_summaries(messages: list[bytes]) -> list[Measure]:
    """Those that a job has sent."""
    found = [one for message in messages if (one := summaries.decode(message).data).about in ("performance", "labels")]
    return sorted(
        (e.time, e.model, e.version, e.segment, e.signal, e.count, e.statistic, e.alarm)
        for one in found
        for e in one.evaluations
    )


def test_killed_in_the_middle(folder: Path, known: Known, labelled: Labelled, broker: Broker) -> None:
    """Killed while predictions wait for labels, it goes on with them: no label is lost or counted twice.

    Nor is anything that requests to retrain say.
    """
    made, fates, records = labelled.made, labelled.fates, labelled.records
    half = known.records[len(known.records) // 2].time_ms
    configured(
        folder,
        "predictions: {topic: kept}, labels: {topic: kept-labels}",
        "events: {topic: kept-events}",
        "topic: kept-control",
        kafka=broker.bootstrap,
    )
    create(broker, "kept-control")
    produce(broker, "kept-control", told())
    report = folder / ".tidemark/runs/test/shop.json"

    def newest() -> str | None:
        return latest_checkpoint(str(folder / ".tidemark/checkpoints/test/shop"))

    early = [one for one in made if one.time_ms < half]
    for topic, first in (("kept", [one for one in records if one.time_ms < half]), ("kept-labels", early)):
        create(broker, topic)
        produce(broker, topic, first)
    with Live(folder, "run", "monitors.yaml") as run:
        own = sum(b'"label"' in (one.line or b"") for one in records if one.time_ms < half)
        run.wait_for(lambda: read_totals(report).labels["read"] == len(early) + own)
        run.wait_for(lambda: read_totals(report).labels["matched"] > 0)
        before = newest()
        run.wait_for(lambda: newest() != before)
        run.kill()
        run.gone()
    assert read_totals(report).labels["matched"] < fates["matched"]
    produce(broker, "kept", [one for one in records if one.time_ms >= half])
    produce(broker, "kept-labels", [one for one in made if one.time_ms >= half])
    ended = tidemark(folder, "run", "monitors.yaml", "--bounded", "--json", "--parallelism", "2")
    assert "goes on from" in ended.err
    assert ended.totals["labels"] == fates
    assert_same(without_offsets(committed(broker, "kept-events"), "kept"), labelled.events)


def test_from_topics_and_from_files(folder: Path, known: Known, labelled: Labelled, broker: Broker) -> None:
    """Two processes read topics, a backtest reads files: the same events, and the same of each label."""
    made, fates, records = labelled.made, labelled.fates, labelled.records
    for topic, those in (("labelled", records), ("labels", made)):
        create(broker, topic)
        produce(broker, topic, those)
    create(broker, "labelled-control")
    produce(broker, "labelled-control", told())
    configured(
        folder,
        "predictions: {topic: labelled}, labels: {topic: labels}",
        "events: {topic: labelled-events}, summaries: {topic: labelled-summaries}, "
        "dead_letters: {topic: labelled-letters}",
        "topic: labelled-control",
        kafka=broker.bootstrap,
    )
    ended = tidemark(folder, "run", "monitors.yaml", "--bounded", "--json", "--parallelism", "2")
    assert ended.totals["labels"] == fates
    assert_same(without_offsets(committed(broker, "labelled-events"), "labelled"), labelled.events)
    assert len(labelled.measures) > 100
    assert of_summaries(committed(broker, "labelled-summaries")) == labelled.measures
    letters = [json.loads(message)["data"] for message in committed(broker, "labelled-letters")]
    assert {letter["error"] for letter in letters} == {
        "control: Input data was truncated",
        "'id': is missing at /id",
        "'label': expected a number, got a text at /label",
    }
    assert len(letters) == fates["dead"] + 1


RELEASES = sorted((Path(__file__).parents[1] / "data" / "savepoints").glob("*.tar.gz"))
KEEP = os.environ.get("TIDEMARK_KEEP_SAVEPOINT")  # a file: the state of this release is kept there


def in_topics(folder: Path, broker: Broker, topic: str, state: str = "./.tidemark/checkpoints") -> Path:
    """A configuration of topics whose names begin so, which are made."""
    path = configured(
        folder,
        f"predictions: {{topic: {topic}}}, labels: {{topic: {topic}-labels}}",
        f"events: {{topic: {topic}-events}}",
        f"topic: {topic}-control",
        kafka=broker.bootstrap,
    )
    path.write_text(path.read_text().replace("checkpoints: {every: 1 s}", f"checkpoints: {{every: 1 s, dir: {state}}}"))
    for name in (topic, f"{topic}-labels", f"{topic}-control"):
        create(broker, name)
    produce(broker, f"{topic}-control", told())
    return path


def halves(labelled: Labelled) -> tuple[tuple[list[Record], ...], tuple[list[Record], ...]]:
    """Records and labels of before the savepoint, and of after it."""
    middle = labelled.records[len(labelled.records) // 2].time_ms
    both = labelled.records, labelled.made
    early = tuple([one for one in part if one.time_ms < middle] for part in both)
    late = tuple([one for one in part if one.time_ms >= middle] for part in both)
    return early, late


@pytest.mark.skipif(KEEP is None, reason="TIDEMARK_KEEP_SAVEPOINT names no file: run once for each release")
def test_keep_the_state_of_this_release(folder: Path, labelled: Labelled, broker: Broker) -> None:
    """Half of the stream, a savepoint, its profiles, and the ids of the events that were sent."""
    state = Path("/var/tmp/tidemark-release")  # a place that says nothing of a machine: Flink writes it into the state
    in_topics(folder, broker, "release", str(state))
    report = folder / ".tidemark/runs/test/shop.json"
    (early, made), _ = halves(labelled)
    produce(broker, "release", early)
    produce(broker, "release-labels", made)
    with Live(folder, "run", "monitors.yaml", "--fresh") as run:
        run.wait_for(lambda: read_totals(report).labels["matched"] > 0)
        run.wait_for(lambda: read_totals(report).records["read"] == len(early))
        run.interrupt()
        run.end()
    sent = sorted(json.loads(line)["id"] for line in committed(broker, "release-events"))
    assert sent
    (folder / "sent.json").write_text(json.dumps(sent))
    with tarfile.open(str(KEEP), "w:gz") as kept:
        kept.add(folder / "profiles", "profiles")
        kept.add(folder / "sent.json", "sent.json")
        for path in [state / "test/shop/made-under.json", *(state / "test/shop").glob("savepoint-*")]:
            kept.add(path, f".tidemark/checkpoints/test/shop/{path.name}")
    shutil.rmtree(state)


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_state_of_every_release_is_gone_on_from(
    release: Path, tmp_path: Path, labelled: Labelled, broker: Broker
) -> None:
    """Each record and each label is counted once, over both runs, and no event is sent again."""
    with tarfile.open(release) as kept:
        kept.extractall(tmp_path, filter="data")
    in_topics(tmp_path, broker, "release")
    for records, made in halves(labelled):  # in this order: state says at which offsets it goes on
        produce(broker, "release", records)
        produce(broker, "release-labels", made)
    ended = tidemark(tmp_path, "run", "monitors.yaml", "--bounded", "--json")
    assert "goes on from" in ended.err
    assert ended.totals["labels"] == labelled.fates
    assert ended.totals["records"]["used"] == len(labelled.records)
    before = set(json.loads((tmp_path / "sent.json").read_text()))
    found = {json.loads(line)["id"] for line in committed(broker, "release-events")}
    assert found
    assert not before & found
    assert sum(ended.totals["events"].values()) == len(before) + len(found)
