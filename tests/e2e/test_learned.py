"""References learned from the stream, and a detector by river: the same however it runs, and when it is killed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from jobs.broker import Broker
from jobs.topics import ensure_topic
from jobs.totals import read_totals
from tests.e2e.comparing import assert_same
from tests.e2e.running import Live, command, tidemark
from tests.e2e.stream import Record, configure, flush, stream, write
from tests.e2e.topics import committed, produce

pytestmark = pytest.mark.e2e

RECORDS = 1_500  # of which the references are made: churn 1 has them after 82 s of the stream, country=IT after 434 s
LEARN = f"reference: {{learn: {RECORDS}}}"
PREVIOUS = f"reference: {{learn: {RECORDS}, previous: 2 min}}"
RIVER = '"river:ADWIN": {delta: 1e-6}'


def configured(folder: Path, sources: str, sinks: str, reference: str, kafka: str | None = None) -> Path:
    """The configuration of the other tests, in which fraud has a profile and churn learns."""
    path = configure(folder, sources, sinks, kafka=kafka)
    text = path.read_text().replace('reference: "profiles/{model}-{version}.json"', reference)
    text = text.replace("segments: [country]", "segments: [{country: [DE, FR, IT]}]")
    path.write_text(text.replace("page_hinkley]", f"page_hinkley, {RIVER}]"))
    assert all(each in path.read_text() for each in (reference, "[DE, FR, IT]", RIVER))
    return path


@dataclass(frozen=True)
class Learned:
    """A stream, what a backtest found in it, and the references that it learned by the names of their files."""

    records: list[Record]
    events: list[bytes]
    profiles: dict[str, bytes]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, profiles: Path) -> Callable[[str], Learned]:
    """Gives what is expected with a reference."""
    records = stream()
    records += flush(records)  # which let a run without an end evaluate all of it

    @functools.cache
    def found(reference: str) -> Learned:
        folder = tmp_path_factory.mktemp("backtest")
        (folder / "profiles").symlink_to(profiles)
        write(folder / "data.jsonl", records)
        config = configured(folder, "predictions: {path: data.jsonl}", "events: {path: unused.jsonl}", reference)
        command("backtest", config, "--events", folder / "events.jsonl", "--profiles", folder / "learned")
        events = (folder / "events.jsonl").read_bytes().splitlines()
        learned = {line.split(b'"subject":"')[1].split(b'"')[0] for line in events if b"profile.learned" in line}
        assert {b"churn/1/all", b"churn/1/country=DE", b"churn/2/all"} <= learned
        kind = b'"kind":"previous"' if reference == PREVIOUS else b'"kind":"learned"'
        assert any(b"drift.opened" in line and kind in line for line in events)
        return Learned(records, events, {path.name: path.read_bytes() for path in (folder / "learned").iterdir()})

    return found


@pytest.mark.parametrize(("reference", "at"), [(LEARN, ["1", "2"]), (PREVIOUS, ["2"])])
def test_from_a_file(folder: Path, expected: Callable[[str], Learned], reference: str, at: list[str]) -> None:
    """One process and two learn what a backtest learns, and find what it finds; the copies are the same files."""
    known = expected(reference)
    write(folder / "data.jsonl", known.records)
    configured(folder, "predictions: {path: data.jsonl}", "events: {path: out/events.jsonl}", reference)
    for parallelism in at:
        tidemark(folder, "run", "monitors.yaml", "--json", "--parallelism", parallelism)
        assert_same((folder / "out/events.jsonl").read_bytes().splitlines(), known.events)
        saved = folder / "profiles/learned"
        assert {path.name: path.read_bytes() for path in saved.iterdir()} == known.profiles
        for path in saved.iterdir():
            path.unlink()


def test_killed_while_it_learns(folder: Path, broker: Broker, expected: Callable[[str], Learned]) -> None:
    """Every process is killed when some keys have learned and others have not; what is restored goes on."""
    known = expected(LEARN)
    *records, last, other = known.records
    ensure_topic(broker.client, "learning", 2)
    configured(folder, "predictions: {topic: learning}", "events: {topic: learning-events}", LEARN, broker.bootstrap)
    report = folder / ".tidemark/runs/test/shop.json"

    def read() -> int:
        return read_totals(report).records["read"]

    def learned() -> int:
        return sum(b"profile.learned" in line for line in committed(broker, "learning-events"))

    third = len(records) // 3
    with Live(folder, "run", "monitors.yaml") as first:
        produce(broker, "learning", records[:third])
        first.wait_for(lambda: read() == third)
        first.wait_for(learned)  # and has a checkpoint behind it, for what is not in one is not committed
        produce(broker, "learning", records[third : third + 1_000])
        first.wait_for(lambda: read() > third)
        first.kill()
        first.gone()
    assert 0 < learned() < sum(b"profile.learned" in line for line in known.events)
    produce(broker, "learning", records[third + 1_000 :])
    with Live(folder, "run", "monitors.yaml", "--parallelism", "2") as second:
        second.wait_for(lambda: read() == len(records))
        produce(broker, "learning", [last, other])
        second.wait_for(lambda: len(committed(broker, "learning-events")) >= len(known.events))
        second.interrupt()
        assert "goes on from" in second.end().err
    assert_same(committed(broker, "learning-events"), known.events)
    saved = folder / "profiles/learned"
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == known.profiles
