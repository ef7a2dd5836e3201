"""A run that is killed in the middle, or stopped, goes on where it was: nothing is lost, nothing comes twice."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from jobs.broker import Broker
from jobs.savepoints import latest_checkpoint
from jobs.topics import ensure_topic
from jobs.totals import read_totals
from tests.e2e.comparing import assert_same
from tests.e2e.conftest import Known
from tests.e2e.running import WITHIN_S, Live, tidemark
from tests.e2e.stream import configure
from tests.e2e.test_same_events import records
from tests.e2e.topics import committed, produce, send

pytestmark = pytest.mark.e2e


def test_killed_in_the_middle(folder: Path, known: Known, broker: Broker) -> None:
    """Killed with records under way, stopped, killed on the way to an end, and run to that end, by one process or two.

    Every process is killed, each time with checkpoints behind it. Topics end where they did when the first run with
    an end began: what is sent later is not read.
    """
    third = len(known.records) // 3
    ensure_topic(broker.client, "killed", 2)
    configure(folder, "predictions: {topic: killed}", "events: {topic: killed-events}", kafka=broker.bootstrap)
    states, report = folder / ".tidemark/checkpoints/test/shop", folder / ".tidemark/runs/test/shop.json"

    def read() -> int:
        return read_totals(report).records["read"]

    def newest() -> str | None:
        return latest_checkpoint(str(states))

    killed = threading.Event()

    def send_more() -> None:
        for part in (known.records[third : 3 * third // 2], known.records[3 * third // 2 : 2 * third]):
            send(broker, "killed", part, over_s=5)
            killed.wait(WITHIN_S)  # however long a busy machine takes: there is more to come after the kill

    produce(broker, "killed", known.records[:third])
    producer = threading.Thread(target=send_more, daemon=True)
    with Live(folder, "run", "monitors.yaml") as first:
        first.wait_for(lambda: read() == third)
        before = newest()
        first.wait_for(lambda: newest() != before)
        producer.start()
        first.wait_for(lambda: read() > third)
        first.kill()
        first.gone()
    assert read() < 2 * third, "it was killed after the end"
    killed.set()
    with Live(folder, "run", "monitors.yaml", "--parallelism", "2") as second:
        producer.join()
        second.wait_for(lambda: read() == 2 * third)
        second.interrupt()
        ended = second.end()
    assert "goes on from" in ended.err
    assert "stopped; the next run goes on from" in ended.err
    produce(broker, "killed", known.records[2 * third :])
    with Live(folder, "run", "monitors.yaml", "--bounded") as bounded:
        bounded.wait_for(lambda: "/chk-" in (newest() or ""))
        bounded.kill()
        bounded.gone()
    produce(broker, "killed", known.records[:100])  # after the end of the run that was killed
    ended = tidemark(folder, "run", "monitors.yaml", status=2)
    assert ended.err == (
        "the run to go on from ends where its topics ended when it began; "
        "let it end with --bounded, or begin anew with --fresh\n"
    )
    ended = tidemark(folder, "run", "monitors.yaml", "--bounded", "--json", "--parallelism", "2")
    assert_same(committed(broker, "killed-events"), known.events)
    assert ended.totals["records"] == records(len(known.records))
    assert sum(ended.totals["events"].values()) == len(known.events)
    assert newest() is None
