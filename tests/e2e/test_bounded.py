"""A bounded run reads topics up to where they ended when it began, also when it goes on from an earlier run."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.broker import Broker
from jobs.savepoints import latest_checkpoint
from jobs.topics import ensure_topic
from jobs.totals import read_totals
from tests.e2e.comparing import assert_same
from tests.e2e.conftest import Known
from tests.e2e.running import Live, tidemark
from tests.e2e.stream import configure
from tests.e2e.test_same_events import records
from tests.e2e.topics import committed, produce

pytestmark = pytest.mark.e2e


def test_going_on_from_other_runs(folder: Path, known: Known, broker: Broker) -> None:
    """From one without an end, and from one that was killed on its way to the same end."""
    half = len(known.records) // 2
    ensure_topic(broker.client, "bounded", 2)
    produce(broker, "bounded", known.records[:half])
    configure(folder, "predictions: {topic: bounded}", "events: {topic: bounded-events}", kafka=broker.bootstrap)
    states, report = folder / ".tidemark/checkpoints/test/shop", folder / ".tidemark/runs/test/shop.json"
    with Live(folder, "run", "monitors.yaml") as unbounded:
        unbounded.wait_for(lambda: read_totals(report).records["read"] == half)
        unbounded.interrupt()
        unbounded.end()
    produce(broker, "bounded", known.records[half:])
    with Live(folder, "run", "monitors.yaml", "--bounded") as killed:
        killed.wait_for(lambda: "/chk-" in (latest_checkpoint(str(states)) or ""))
        killed.kill()
        killed.gone()
    produce(broker, "bounded", known.records[:100])  # after the end of the run that was killed
    ended = tidemark(folder, "run", "monitors.yaml", status=2)
    assert ended.err == (
        "the run to go on from ends where its topics ended when it began; "
        "let it end with --bounded, or begin anew with --fresh\n"
    )
    ended = tidemark(folder, "run", "monitors.yaml", "--bounded", "--json")
    assert_same(committed(broker, "bounded-events"), known.events)
    assert ended.totals["records"] == records(len(known.records))
    assert latest_checkpoint(str(states)) is None
