"""What the end-to-end tests share: a broker, the stream, its profiles, and the events that it must give."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.running import command
from tests.e2e.stream import Record, configure, flush, stream, tardy, write


@dataclass(frozen=True)
class Known:
    """A stream, and what a backtest found in those of its records that are not late."""

    records: list[Record]
    events: list[bytes]
    late: frozenset[bytes | None] = frozenset()  # lines


@pytest.fixture(scope="session")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Profiles of the models, made by the command from a stream without drift."""
    folder = tmp_path_factory.mktemp("reference")
    data = write(folder / "reference.jsonl", stream(20_000, seed=2, drift=False))
    config = configure(folder, "predictions: {path: reference.jsonl}", "events: {path: events.jsonl}")
    for model, *version in (("churn", "--version", "1"), ("churn", "--version", "2"), ("fraud",)):
        command("profile", config, "--model", model, *version, "--data", data)
    return folder / "profiles"


@pytest.fixture
def folder(tmp_path: Path, profiles: Path) -> Path:
    """A folder with the profiles, for one test's configuration and output."""
    shutil.copytree(profiles, tmp_path / "profiles")
    return tmp_path


@pytest.fixture(scope="session")
def backtest(tmp_path_factory: pytest.TempPathFactory, profiles: Path) -> Callable[[list[Record]], list[bytes]]:
    """Gives the events that records come to when none of them is late."""

    def events(records: list[Record]) -> list[bytes]:
        folder = tmp_path_factory.mktemp("backtest")
        shutil.copytree(profiles, folder / "profiles")
        write(folder / "data.jsonl", records)
        config = configure(folder, "predictions: {path: data.jsonl}", "events: {path: unused.jsonl}")
        ended = command("backtest", config, "--events", folder / "events.jsonl", "--json")
        assert ended.totals["records"]["used"] == len(records)
        return (folder / "events.jsonl").read_bytes().splitlines()

    return events


@pytest.fixture(scope="session")
def flushed(known: Known, backtest: Callable[[list[Record]], list[bytes]]) -> Known:
    """The stream with two records behind it that let a run without an end evaluate all of it."""
    records = [*known.records, *flush(known.records)]
    return Known(records, backtest(records))


@pytest.fixture(scope="session")
def late(known: Known, backtest: Callable[[list[Record]], list[bytes]]) -> Known:
    """The stream with some of it late, and the events of the rest."""
    mixed, without = tardy(known.records)
    lines = {record.line for record in mixed} - {record.line for record in without}
    return Known(mixed, backtest(without), frozenset(lines))


@pytest.fixture(scope="session")
def known(backtest: Callable[[list[Record]], list[bytes]]) -> Known:
    """The stream with its events: some of each model, opened and resolved."""
    records = stream()
    events = backtest(records)
    subjects = {line.split(b'"subject":"')[1].split(b'"')[0] for line in events if b"drift.resolved" in line}
    assert {b"churn/1/country=DE", b"churn/2/all", b"fraud/0/all"} <= subjects
    return Known(records, events)
