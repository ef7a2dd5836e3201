"""The same records give the same events, whatever they come from and however many processes work on them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from jobs.broker import Broker
from tests.e2e.comparing import assert_same
from tests.e2e.conftest import Known
from tests.e2e.running import command, tidemark
from tests.e2e.stream import DRIFT_MS, START_MS, Record, configure, stream, write
from tests.e2e.topics import committed, create, produce

pytestmark = pytest.mark.e2e

YEAR_3000_MS = 32_503_680_000_000


def records(read: int, *, dead: int = 0, late: int = 0) -> dict[str, int]:
    """Totals of a run."""
    return {"read": read, "used": read - dead - late, "dead": dead, "late": late, "ignored": 0}


def test_from_a_file_again_and_again(folder: Path, known: Known, late: Known) -> None:
    """One process gives what a backtest gives; so do two in the same folder, and nothing of the first run is left.

    The second time some records are late: they are in the dead-letter sink with their rows, and the events are those
    of the rest.
    """
    configure(folder, "predictions: {path: data.jsonl}", "events: {path: out/events.jsonl}")
    for parallelism, given in (("1", known), ("2", late)):
        write(folder / "data.jsonl", given.records)
        ended = tidemark(folder, "run", "monitors.yaml", "--json", "--parallelism", parallelism)
        assert_same((folder / "out/events.jsonl").read_bytes().splitlines(), given.events)
        assert ended.totals["records"] == records(len(given.records), late=len(given.late))
        assert sum(ended.totals["events"].values()) == len(given.events)
        letters = [json.loads(line)["data"] for line in (folder / "out/dead-letters.jsonl").read_bytes().splitlines()]
        assert sorted(letter["row"] for letter in letters) == [
            row for row, record in enumerate(given.records) if record.line in given.late
        ]
        assert all((letter["reason"], letter["path"]) == ("late", f"{folder}/data.jsonl") for letter in letters)
        assert sorted(path.name for path in (folder / "out").iterdir()) == [
            "dead-letters.jsonl", "events.jsonl", "summaries.jsonl"
        ]  # fmt: skip


WATCHED = """segments: [country]
    quality: {schema: true}
    correlation: true
    multivariate: true
    estimated_performance: [accuracy, roc_auc]
    performance: [accuracy]
    labels: {within: 5 min}
    slices: true
    expect: {age: {max: 500}, income: {min: 0}}
"""
RANKED = """  search:
    reference: profiles/search.json
    window: {size: 2 min, slide: 1 min, min_count: 100}
    alarms: {budget: 1 per day, confirm: 1, recover: 2}
    prediction: {task: ranking, positive: click}
    features: {price: numeric, kind: categorical}
    segments: [kind]
    labels: {within: 2 min, mature: 1 min, absent: none}
    performance: [ndcg, {precision_at_k: {k: 3}}, {hit_rate: {k: 1}}]
"""


def labelled(records: list[Record]) -> list[Record]:
    """Records with their labels, of which the later ones have a field more, no plan, and one income again and again.

    Of these what is predicted of those that are not active is wrong as often as it was right.
    """
    found = []
    for number, record in enumerate(records):
        document = json.loads(record.line or b"")
        if document["model"] == "churn":
            document["label"] = "yes" if document["probabilities"]["yes"] > (number * 0.618) % 1 else "no"
            if record.time_ms >= DRIFT_MS:
                document["features"] |= {"income": 30_000.0, "age": round(document["features"]["age"] * 1.3)}
                document["tier"] = document["features"].pop("plan", None)
                if not document["features"]["active"]:
                    document["label"] = "no" if document["label"] == "yes" else "yes"
        found.append(Record(record.time_ms, record.partition, json.dumps(document).encode()))
    return found


def apart(records: list[Record]) -> tuple[list[Record], list[Record]]:
    """Records and those of their labels that an id can find, which come five seconds later."""
    bare, labels = [], []
    for record in records:
        document = json.loads(record.line or b"")
        if "id" in document and "label" in document:
            later = record.time_ms + 5_000
            said = {"id": document["id"], "model": "churn", "timestamp": later, "label": document.pop("label")}
            labels.append(Record(later, 0, json.dumps(said).encode()))
        bare.append(Record(record.time_ms, record.partition, json.dumps(document).encode()))
    return bare, labels


def ranked(seed: int, *, drift: bool = True) -> tuple[list[Record], list[Record]]:
    """Items of a list every second, of which the better scores are clicked until they drift; and the clicks."""
    random = np.random.default_rng(seed)
    items, clicks = [], []
    for number in range(400):
        time_ms = START_MS + 1_000 * number
        for place in range(int(random.integers(2, 7))):
            score, kind = float(random.normal()), str(random.choice(["book", "film"]))
            known = {"group": f"q{number}", "id": f"i{place}", "model": "search", "timestamp": time_ms + 10 * place}
            more = {"features": {"price": float(random.lognormal(3)), "kind": kind}, "prediction": round(score, 2)}
            items.append(Record(known["timestamp"], 0, json.dumps(known | more).encode()))
            lost = drift and time_ms >= START_MS + 180_000 and kind == "film"
            if random.random() < 1 / (1 + np.exp(1 - (0.0 if lost else 3.0) * score)):
                later = int(time_ms + random.exponential(20_000))
                clicks.append(Record(later, 0, json.dumps(known | {"timestamp": later, "label": "click"}).encode()))
    return items, sorted(clicks, key=lambda click: click.time_ms)


def test_everything_that_is_watched(folder: Path) -> None:
    """Quality, fields, what stands still, relations, estimates, labels and rankings: as in a backtest."""

    def configured(data: str, events: str) -> Path:
        labels = "labels: {path: labels.jsonl}"
        path = configure(folder, f"predictions: {{path: {data}}}, {labels}", f"events: {{path: {events}}}")
        lines = path.read_text().split("segments: [country]\n", 1)
        rest = lines[1].split("\n", 1)[1]  # without its own line about quality
        path.write_text(lines[0] + WATCHED + rest + RANKED)
        return path

    config = configured("reference.jsonl", "unused.jsonl")
    items, clicks = ranked(3, drift=False)
    reference = write(folder / "reference.jsonl", [*labelled(stream(12_000, seed=2, drift=False)), *items])
    write(folder / "labels.jsonl", clicks)
    for model, *version in (("churn", "--version", "1"), ("churn", "--version", "2"), ("search",)):
        labels = ("--labels", folder / "labels.jsonl") if model == "search" else ()
        command("profile", config, "--model", model, *version, "--data", reference, *labels)
    items, clicks = ranked(4)
    live, labels_of_live = apart(labelled(stream(17_000)))
    for name, records_ in (("data", [*live, *items]), ("labels", [*labels_of_live, *clicks])):
        write(folder / f"{name}.jsonl", sorted(records_, key=lambda record: record.time_ms))
    config = configured("data.jsonl", "out/events.jsonl")
    command("backtest", config, "--events", folder / "expected.jsonl")
    expected = (folder / "expected.jsonl").read_bytes().splitlines()
    signals = {one["signal"] for line in expected for one in json.loads(line)["data"].get("signals", ())}
    assert any(b'"detector":"search"' in line and b'"active":"false"' in line for line in expected)
    assert b"performance.ndcg" in b"".join(line for line in expected if b'"search/0/kind=film"' in line)
    told = {"quality.schema", "quality.frozen.income", "quality.missing.plan", "multivariate.reconstruction"}
    assert told <= signals
    assert any(name.startswith("correlation.") for name in signals)
    tidemark(folder, "run", "monitors.yaml", "--parallelism", "2")
    assert_same((folder / "out/events.jsonl").read_bytes().splitlines(), expected)


def test_from_a_topic(folder: Path, known: Known, broker: Broker) -> None:
    """Three partitions, one without a record, read by two processes up to their end, into a topic.

    A record at the broker's time of the year 3000, or of none, is dead and moves no watermark.
    """
    line = known.records[0].line
    create(broker, "three", 3)
    produce(broker, "three", [Record(YEAR_3000_MS, 0, line), Record(2**62, 1, line), *known.records])
    configure(
        folder,
        "predictions: {topic: three}",
        "events: {topic: three-events}, dead_letters: {topic: three-letters}",
        kafka=broker.bootstrap,
    )
    ended = tidemark(folder, "run", "monitors.yaml", "--bounded", "--json", "--parallelism", "2")
    letters = [json.loads(message)["data"] for message in committed(broker, "three-letters")]
    assert [letter["error"] for letter in letters] == [
        "the broker's time of the record is not between 1970 and 2200"
    ] * 2
    assert_same(committed(broker, "three-events"), known.events)
    assert ended.totals["records"] == records(len(known.records) + 2, dead=2)
