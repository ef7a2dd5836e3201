"""References that are learned from the stream: the same however it runs, and when it is killed while it learns."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

import pytest

from jobs.broker import Broker
from jobs.topics import ensure_topic
from jobs.totals import read_totals
from tests.e2e.comparing import assert_same
from tests.e2e.running import Live, tidemark
from tests.e2e.stream import Record, configure, flush, stream, write
from tests.e2e.topics import committed, produce

pytestmark = pytest.mark.e2e

RECORDS = 1_500  # of which the references are made: churn 1 has them after 82 s of the stream, country=IT after 434 s
LEARN = f"reference: {{learn: {RECORDS}}}"
PREVIOUS = f"reference: {{learn: {RECORDS}, previous: 2 min}}"


def configured(folder: Path, sources: str, sinks: str, kafka: str | None = None, *, reference: str = LEARN) -> Path:
    """The configuration of the other tests, in which fraud has a profile and churn learns."""
    path = configure(folder, sources, sinks, kafka=kafka)
    text = path.read_text().replace('reference: "profiles/{model}-{version}.json"', reference)
    path.write_text(text.replace("segments: [country]", "segments: [{country: [DE, FR, IT]}]"))
    assert reference in path.read_text()
    assert "[DE, FR, IT]" in path.read_text()
    return path


class Expected(Protocol):
    """The events of a backtest, and the references that it learned."""

    def __call__(self, records: list[Record], reference: str = LEARN) -> tuple[list[bytes], dict[str, bytes]]: ...


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, profiles: Path) -> Expected:
    """Gives the events of a backtest, and the references that it learned."""

    def found(records: list[Record], reference: str = LEARN) -> tuple[list[bytes], dict[str, bytes]]:
        folder = tmp_path_factory.mktemp("backtest")
        (folder / "profiles").symlink_to(profiles)
        write(folder / "data.jsonl", records)
        configured(folder, "predictions: {path: data.jsonl}", "events: {path: unused.jsonl}", reference=reference)
        tidemark(folder, "backtest", "monitors.yaml", "--events", "events.jsonl", "--profiles", "learned", "--json")
        events = (folder / "events.jsonl").read_bytes().splitlines()
        learned = {line.split(b'"subject":"')[1].split(b'"')[0] for line in events if b"profile.learned" in line}
        assert {b"churn/1/all", b"churn/1/country=DE", b"churn/2/all"} <= learned
        kind = b'"kind":"previous"' if reference == PREVIOUS else b'"kind":"learned"'
        assert any(b"drift.opened" in line and kind in line for line in events)
        return events, {path.name: path.read_bytes() for path in (folder / "learned").iterdir()}

    return found


@pytest.mark.parametrize(("reference", "at"), [(LEARN, ["1", "2"]), (PREVIOUS, ["2"])])
def test_from_a_file(folder: Path, expected: Expected, reference: str, at: list[str]) -> None:
    """One process and two learn what a backtest learns, and find what it finds; the copies are the same files."""
    records = stream()
    events, profiles = expected(records, reference)
    write(folder / "data.jsonl", records)
    sinks = "events: {path: out/events.jsonl}"
    configured(folder, "predictions: {path: data.jsonl}", sinks, reference=reference)
    for parallelism in at:
        tidemark(folder, "run", "monitors.yaml", "--json", "--parallelism", parallelism)
        assert_same((folder / "out/events.jsonl").read_bytes().splitlines(), events)
        saved = folder / "profiles/learned"
        assert {path.name: path.read_bytes() for path in saved.iterdir()} == profiles
        for path in saved.iterdir():
            path.unlink()


def test_killed_while_it_learns(folder: Path, broker: Broker, expected: Expected) -> None:
    """Every process is killed when some keys have learned and others have not; what is restored goes on."""
    records = stream()
    everything = [*records, *flush(records)]
    events, profiles = expected(everything)
    ensure_topic(broker.client, "learning", 2)
    configured(folder, "predictions: {topic: learning}", "events: {topic: learning-events}", broker.bootstrap)
    report = folder / ".tidemark/runs/test/shop.json"

    def read() -> int:
        return read_totals(report).records["read"]

    third = len(records) // 3
    with Live(folder, "run", "monitors.yaml") as first:
        first.wait_for(lambda: report.parent.exists())
        produce(broker, "learning", records[:third])
        first.wait_for(lambda: read() == third)
        time.sleep(1.5)  # a checkpoint at least, and more records after it
        produce(broker, "learning", records[third : third + 1_000])
        first.wait_for(lambda: read() > third)
        first.kill()
        first.gone()
    learned = sum(b"profile.learned" in line for line in committed(broker, "learning-events"))
    assert 0 < learned < sum(b"profile.learned" in line for line in events)
    produce(broker, "learning", records[third + 1_000 :])
    with Live(folder, "run", "monitors.yaml", "--parallelism", "2") as second:
        second.wait_for(lambda: read() == len(records))
        produce(broker, "learning", everything[-2:])
        second.wait_for(lambda: len(committed(broker, "learning-events")) >= len(events))
        second.interrupt()
        assert "goes on from" in second.end().err
    assert_same(committed(broker, "learning-events"), events)
    saved = folder / "profiles/learned"
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == profiles
