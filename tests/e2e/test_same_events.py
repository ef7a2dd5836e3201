"""The same records give the same events, whatever they come from and however many processes work on them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.broker import Broker
from tests.e2e.comparing import assert_same
from tests.e2e.conftest import Known
from tests.e2e.running import tidemark
from tests.e2e.stream import Record, configure, write
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
