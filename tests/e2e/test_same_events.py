"""The same records give the same events, whatever they come from and however many processes work on them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.broker import Broker
from jobs.topics import ensure_topic
from tests.e2e.comparing import assert_same
from tests.e2e.conftest import Known
from tests.e2e.running import tidemark
from tests.e2e.stream import configure, write
from tests.e2e.topics import committed, produce

pytestmark = pytest.mark.e2e


def records(read: int, *, dead: int = 0, late: int = 0) -> dict[str, int]:
    """Totals of a run."""
    return {"read": read, "used": read - dead - late, "dead": dead, "late": late, "ignored": 0}


def test_from_a_file_again_and_again(folder: Path, known: Known) -> None:
    """One process gives what a backtest gives; so do two in the same folder, and nothing of the first run is left."""
    write(folder / "data.jsonl", known.records)
    configure(folder, "predictions: {path: data.jsonl}", "events: {path: out/events.jsonl}")
    for parallelism in ("1", "2"):
        ended = tidemark(folder, "run", "monitors.yaml", "--json", "--parallelism", parallelism)
        assert_same((folder / "out/events.jsonl").read_bytes().splitlines(), known.events)
        assert ended.totals["records"] == records(len(known.records))
        assert sum(ended.totals["events"].values()) == len(known.events)
        assert (folder / "out/dead-letters.jsonl").read_bytes() == b""
        assert sorted(path.name for path in (folder / "out").iterdir()) == [
            "dead-letters.jsonl", "events.jsonl", "summaries.jsonl"
        ]  # fmt: skip


def test_late_records_of_a_file(folder: Path, late: Known) -> None:
    """They are in the dead-letter sink with their rows, and the events are those of the rest."""
    write(folder / "data.jsonl", late.records)
    configure(folder, "predictions: {path: data.jsonl}", "events: {path: out/events.jsonl}")
    ended = tidemark(folder, "run", "monitors.yaml", "--json", "--parallelism", "2")
    letters = [json.loads(line)["data"] for line in (folder / "out/dead-letters.jsonl").read_bytes().splitlines()]
    assert sorted(letter["row"] for letter in letters) == [
        row for row, record in enumerate(late.records) if record.line in late.late
    ]
    assert {(letter["reason"], letter["path"]) for letter in letters} == {("late", f"{folder}/data.jsonl")}
    assert_same((folder / "out/events.jsonl").read_bytes().splitlines(), late.events)
    assert ended.totals["records"] == records(len(late.records), late=len(late.late))


def test_from_a_topic_with_an_empty_partition(folder: Path, known: Known, broker: Broker) -> None:
    """Three partitions, one without a record, read by two processes up to their end, into a topic."""
    ensure_topic(broker.client, "three", 3)
    produce(broker, "three", known.records)
    configure(folder, "predictions: {topic: three}", "events: {topic: three-events}", kafka=broker.bootstrap)
    ended = tidemark(folder, "run", "monitors.yaml", "--bounded", "--json", "--parallelism", "2")
    assert_same(committed(broker, "three-events"), known.events)
    assert ended.totals["records"] == records(len(known.records))
