"""Event time from the records themselves, whatever the broker's clock said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.broker import Broker
from tests.e2e.comparing import assert_same
from tests.e2e.conftest import Known
from tests.e2e.running import tidemark
from tests.e2e.stream import Record, configure
from tests.e2e.test_same_events import records
from tests.e2e.topics import committed, create, produce

pytestmark = pytest.mark.e2e

LATER_MS = 600_000  # from the time that a record is about to the time at which the broker got it
YEAR_3000_MS = 32_503_680_000_000


def sent(record: Record, **changes: object) -> Record:
    """The record as it reaches the broker, later, its time moved to where the source says that it stands."""
    document = json.loads(record.line)
    document["meta"] = {"ts": document.pop("timestamp")} | changes
    return Record(record.time_ms + LATER_MS, record.partition, json.dumps(document).encode())


def test_the_time_of_the_records(folder: Path, known: Known, broker: Broker) -> None:
    """The events are those of the records' own times; a time from 2099, or none, is dead and moves no watermark."""
    good = [sent(record) for record in known.records]
    first = known.records[0]
    bad = {
        "more than 1 h ahead of the broker's time at /meta/ts": sent(first, ts="2099-01-01T00:00:00Z"),
        "is missing at /meta/ts": sent(first, ts=None),
        "expected RFC 3339 text or a number at /meta/ts": sent(first, ts="today"),
    }
    create(broker, "payload")
    produce(broker, "payload", [*good[:100], *bad.values(), *good[100:]])
    configure(
        folder,
        "predictions: {topic: payload, time: payload, fields: {timestamp: /meta/ts}}",
        "events: {topic: payload-events}, dead_letters: {topic: payload-letters}",
        kafka=broker.bootstrap,
    )
    ended = tidemark(folder, "run", "monitors.yaml", "--bounded", "--json", "--parallelism", "2")
    letters = [json.loads(message)["data"] for message in committed(broker, "payload-letters")]
    assert sorted(letter["error"] for letter in letters) == sorted(f"'timestamp': {error}" for error in bad)
    assert_same(committed(broker, "payload-events"), known.events)
    assert ended.totals["records"] == records(len(good) + 3, dead=3)


def test_a_broker_time_beyond_all_sense(folder: Path, known: Known, broker: Broker) -> None:
    """A record at the broker's time of the year 3000, or of none, is dead and moves no watermark."""
    line = known.records[0].line
    create(broker, "beyond")
    produce(broker, "beyond", [Record(YEAR_3000_MS, 0, line), Record(2**62, 1, line), *known.records])
    configure(
        folder,
        "predictions: {topic: beyond}",
        "events: {topic: beyond-events}, dead_letters: {topic: beyond-letters}",
        kafka=broker.bootstrap,
    )
    ended = tidemark(folder, "run", "monitors.yaml", "--bounded", "--json")
    letters = [json.loads(message)["data"] for message in committed(broker, "beyond-letters")]
    assert [letter["error"] for letter in letters] == [
        "the broker's time of the record is not between 1970 and 2200"
    ] * 2
    assert_same(committed(broker, "beyond-events"), known.events)
    assert ended.totals["records"] == records(len(known.records) + 2, dead=2)
