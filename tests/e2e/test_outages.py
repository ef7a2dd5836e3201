"""What a run lives through: a stream that stops, a broker that goes away, an end by force with at-least-once."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from jobs.broker import Broker
from jobs.topics import ensure_topic
from jobs.totals import read_totals
from tests.e2e.comparing import assert_same, comparable
from tests.e2e.conftest import Known
from tests.e2e.running import Live
from tests.e2e.stream import configure
from tests.e2e.topics import committed, produce, send

pytestmark = pytest.mark.e2e


def silences(messages: list[bytes]) -> list[tuple[str, str]]:
    """What was said of the stream, in the order in which it was."""
    events: list[dict[str, Any]] = [json.loads(message) for message in messages]
    kinds = [(event["type"].removeprefix("io.tidemark."), event["subject"]) for event in events]
    return [each for each in kinds if each[0].startswith("stream.")]


def test_a_stream_that_stops(folder: Path, flushed: Known, broker: Broker) -> None:
    """Its silence is told, and its end; at-least-once loses nothing in a kill; --fresh reads all of it again."""
    ensure_topic(broker.client, "stops", 2)
    job = "delivery: at-least-once, checkpoints: {every: 1 s}"
    settings = {"kafka": broker.bootstrap, "job": job, "freshness": "4 s"}
    configure(folder, "predictions: {topic: stops}", "events: {topic: stops-events}", **settings)
    report = folder / ".tidemark/runs/test/shop.json"
    *stream, last, other = flushed.records
    expected = comparable(flushed.events)
    model = json.loads(last.line or b"")["model"]

    def read() -> int:
        return read_totals(report).records["read"]

    def told() -> list[tuple[str, str]]:
        return silences(committed(broker, "stops-events"))

    producer = threading.Thread(target=send, args=(broker, "stops", stream))
    with Live(folder, "run", "monitors.yaml") as first:
        first.wait_for(report.parent.exists)
        producer.start()
        first.wait_for(lambda: read() > len(stream) // 3)
        first.kill()
        first.gone()
    with Live(folder, "run", "monitors.yaml") as second:
        producer.join()
        second.wait_for(lambda: read() == len(stream))
        # On a busy machine records may pause, so what was said last counts.
        second.wait_for(lambda: {dict(map(reversed, told())).get(m) for m in ("churn", "fraud")} == {"stream.silent"})
        before = len(told())
        produce(broker, "stops", [last, other])
        second.wait_for(lambda: ("stream.resumed", model) in told()[before:])
        second.wait_for(lambda: set(comparable(committed(broker, "stops-events"))) >= set(expected))
        second.interrupt()
        second.end()
    found = comparable(committed(broker, "stops-events"))
    assert set(found) == set(expected)
    assert read() == len(stream) + 2
    with Live(folder, "run", "monitors.yaml", "--fresh") as third:
        third.wait_for(lambda: read() == len(stream) + 2)
        third.wait_for(lambda: len(comparable(committed(broker, "stops-events"))) >= len(found) + len(expected))
        third.interrupt()
        third.end()
    assert_same(comparable(committed(broker, "stops-events")), found + expected)


def test_a_broker_that_goes_away(folder: Path, flushed: Known) -> None:
    """The run waits and goes on when it is back; nothing is lost, nothing comes twice."""
    *stream, last, other = flushed.records
    half = len(stream) // 2
    with Broker(folder=folder / "kafka") as broker:
        ensure_topic(broker.client, "away", 2)
        configure(folder, "predictions: {topic: away}", "events: {topic: away-events}", kafka=broker.bootstrap)
        report = folder / ".tidemark/runs/test/shop.json"

        def read() -> int:
            return read_totals(report).records["read"]

        with Live(folder, "run", "monitors.yaml") as run:
            produce(broker, "away", stream[:half])
            run.wait_for(lambda: read() > half // 2)
            broker.kill()
            time.sleep(5)
            broker.start()
            produce(broker, "away", [*stream[half:], last, other])
            run.wait_for(lambda: read() == len(stream) + 2)
            run.wait_for(lambda: len(committed(broker, "away-events")) >= len(flushed.events))
            run.interrupt()
            run.end()
        assert_same(committed(broker, "away-events"), flushed.events)
