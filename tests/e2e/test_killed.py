"""A run that is killed in the middle, or stopped, goes on where it was: nothing is lost, nothing comes twice."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from jobs.broker import Broker
from jobs.topics import ensure_topic
from jobs.totals import read_totals
from tests.e2e.comparing import assert_same
from tests.e2e.conftest import Known
from tests.e2e.running import Live
from tests.e2e.stream import configure
from tests.e2e.topics import committed, produce, send

pytestmark = pytest.mark.e2e


def test_killed_in_the_middle(folder: Path, flushed: Known, broker: Broker) -> None:
    """Every process is killed with checkpoints behind it and records under way; then stopped and run once more."""
    records, expected = flushed.records, flushed.events
    ensure_topic(broker.client, "killed", 2)
    configure(folder, "predictions: {topic: killed}", "events: {topic: killed-events}", kafka=broker.bootstrap)
    report = folder / ".tidemark/runs/test/shop.json"

    def read() -> int:
        return read_totals(report).records["read"]

    producer = threading.Thread(target=send, args=(broker, "killed", records[:-2]))
    with Live(folder, "run", "monitors.yaml") as first:
        first.wait_for(lambda: report.parent.exists())
        producer.start()
        first.wait_for(lambda: read() > len(records) // 3)
        time.sleep(1.5)  # a checkpoint at least, and more records after it
        first.kill()
        first.gone()
    assert read() < len(records) - 2, "it was killed after the end"
    with Live(folder, "run", "monitors.yaml") as second:
        producer.join()
        second.wait_for(lambda: read() == len(records) - 2)
        second.interrupt()
        ended = second.end()
    assert "goes on from" in ended.err
    assert "stopped; the next run goes on from" in ended.err
    produce(broker, "killed", records[-2:])
    with Live(folder, "run", "monitors.yaml", "--parallelism", "2") as third:
        third.wait_for(lambda: read() == len(records))
        third.wait_for(lambda: len(committed(broker, "killed-events")) >= len(expected))
        third.interrupt()
        third.end()
    assert_same(committed(broker, "killed-events"), expected)
    totals = read_totals(report)
    assert totals.records == {"read": len(records), "used": len(records), "dead": 0, "late": 0, "ignored": 0}
    assert sum(totals.events.values()) == len(expected)
