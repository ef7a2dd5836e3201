"""What the dashboard reads, and how long that takes: ``python -m benchmarks.dashboard``.

Fills a store as `tidemark listen` would, with windows of as many models and signals as a large company has, and reads
from it in a process of its own what each page shows. Prints the time of each page and the peak memory of the process.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from consumers.samples import drift_event, retrain_event
from dashboard import links
from dashboard.findings import Findings
from dashboard.pages import PAGES
from dashboard.shown import Query
from schemas import cloudevents, summaries
from schemas.cloudevents import timestamp
from schemas.evaluations import Evaluation
from schemas.events import Span, Window, encode
from schemas.summaries import SignalCounts, Summary, SummaryEvent
from store import Database, Message, Reader, Writer

MODELS, SIGNALS, SUMMARIES = 500, 10, 1_000_000
SLIDE_MS = 3_600_000  # of windows: 2,000 of them are 83 days
EPISODES = 20  # of a model, the last of them open in every tenth
END_MS = 1_780_000_000_000 // SLIDE_MS * SLIDE_MS
BATCH = 500  # as `listen` writes
REPEATS = 5
SOURCE = cloudevents.source("prod", "fleet")


def main() -> None:
    """Fill a store, read from it in another process, and print what that took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboard", description=__doc__)
    parser.add_argument("--models", type=int, default=MODELS, help=f"how many (default: {MODELS})")
    parser.add_argument("--summaries", type=int, default=SUMMARIES, help=f"of all models (default: {SUMMARIES:,})")
    parser.add_argument("--url", help="a store to fill and read; by default an SQLite file that is removed")
    parser.add_argument("--read", action="store_true", help="do not fill it: --url was filled before")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.url or f"sqlite:///{folder}/fleet.db"
        if given.read:
            _read(url)
            return
        count, took_s = _fill(url, given.models, given.summaries // given.models)
        print(f"written: {count:,} messages, {count / took_s:,.0f} a second")
        if url.startswith("sqlite:///"):
            print(f"the file: {Path(url.removeprefix('sqlite:///')).stat().st_size / 1e6:,.0f} MB")
        sys.stdout.flush()
        subprocess.run([sys.executable, "-m", "benchmarks.dashboard", "--read", "--url", url], check=True)


def _fill(url: str, models: int, windows: int) -> tuple[int, float]:
    """Write windows and episodes of all models; the messages, and the seconds that writing them took."""
    chance = random.Random(1)
    number, took_s = 0, 0.0
    with Database(url) as database:
        writer = Writer(database)
        batch: list[Message] = []
        for message in _messages(models, windows, chance):
            batch.append(message)
            if len(batch) == BATCH:
                began_s = time.monotonic()
                writer.write(batch)
                took_s += time.monotonic() - began_s
                number += len(batch)
                batch.clear()
        writer.write(batch)
    return number + len(batch), took_s


def _messages(models: int, windows: int, chance: random.Random) -> Iterator[Message]:
    """As topics give them: in the order of time, models among each other."""
    names = [f"model-{number:03}" for number in range(models)]
    shapes = [_shape(chance) for _ in range(64)]
    for number in range(windows):
        end_ms = END_MS - (windows - 1 - number) * SLIDE_MS
        for model in names:
            yield _window(model, end_ms, chance.choice(shapes), "labels" if number % 10 == 9 else "records")
        for place in range(EPISODES):
            if number == windows * (place + 1) // (EPISODES + 1):
                for each, model in enumerate(names):
                    yield from _story(model, end_ms, place, closed=place < EPISODES - 1 or each % 10 != 0)


def _shape(chance: random.Random) -> list[tuple[float, float]]:
    return [(chance.lognormvariate(-4.0, 1.0), chance.random()) for _ in range(SIGNALS)]


def _window(model: str, end_ms: int, shape: list[tuple[float, float]], about: Any) -> Message:
    time, seed = timestamp(end_ms), end_ms // SLIDE_MS % 97
    signals = ["labels.share"] if about == "labels" else [f"feature.f{number}" for number in range(SIGNALS)]
    evaluations = tuple(
        Evaluation(
            time=time,
            model=model,
            version="3",
            segment="all",
            signal=signal,
            detector=detector,
            count=21_600,
            statistic=0.9 if about == "labels" else cloudevents.significant(statistic * (1 + seed / 100)),
            threshold=0.0612345,
            p_value=cloudevents.significant(p_value),
            effect=cloudevents.significant(statistic),
            alarm=statistic > 0.06,
        )
        for signal, (statistic, p_value) in zip(signals, shape, strict=False)
        for detector in ("psi", "lepage")
    )
    summary = Summary(
        model=model,
        version="3",
        segment="all",
        window=Window(start=timestamp(end_ms - SLIDE_MS), end=time, count=21_600, share=1.0),
        status="ok",
        counts={signal: SignalCounts(missing=seed, invalid=0, unseen=3) for signal in signals},
        evaluations=evaluations,
        exceeded=int(seed == 0),
        expected=0.0101,
        about=about,
    )
    event = SummaryEvent(
        source=SOURCE,
        id=cloudevents.identity(SOURCE, about, model, "3", "all", time),
        time=time,
        subject=cloudevents.subject(model, "3", "all"),
        data=summary,
    )
    return Message(summaries.encode(SOURCE, summary), event)


def _story(model: str, at_ms: int, place: int, *, closed: bool) -> Iterator[Message]:
    """An episode from its beginning to its end, and a request because of every fifth."""
    episode = cloudevents.identity(model, place)
    steps = (("opened", 0), ("updated", 1), ("resolved", 9)) if closed else (("opened", 0), ("updated", 1))
    for what, slides in steps:
        event = drift_event(
            what,  # type: ignore[arg-type]
            model=model,
            signal=f"feature.f{place % SIGNALS}",
            severity="critical" if place % 3 == 0 else "warning",
            time=timestamp(at_ms + slides * SLIDE_MS),
        )
        data = msgspec.structs.replace(
            event.data,
            episode=episode,
            incident=cloudevents.identity(model, place, "incident"),
            onset=timestamp(at_ms - SLIDE_MS),
            detected=timestamp(at_ms),
            predicted=Span(start=timestamp(at_ms - SLIDE_MS), end=timestamp(at_ms)),
        )
        event = msgspec.structs.replace(event, id=cloudevents.identity(model, place, what), data=data)
        yield Message(encode(event), event)
    if place % 5 == 0:
        asked = retrain_event("requested", model=model, time=timestamp(at_ms))
        named = msgspec.structs.replace(asked.data, request=cloudevents.identity(model, place, "request"))
        asked = msgspec.structs.replace(asked, id=cloudevents.identity(model, place, "requested"), data=named)
        yield Message(encode(asked), asked)


def _read(url: str) -> None:
    """Make each page; the best of some repeats, since other processes take their share of the machine."""
    with Database(url) as database:
        findings = Findings("fleet", Reader(database))
        print(f"anything new: {_took_s(findings.reader.mark) * 1000:,.1f} ms")
        for path, query in _addresses(findings.reader):
            took_s = _took_s(lambda path=path, query=query: PAGES[path](findings, Query(query)))  # type: ignore[misc]
            print(f"{links.link(path, **query)}: {took_s * 1000:,.0f} ms")
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory: {peak_kb / 1024:,.0f} MB")


def _addresses(reader: Reader) -> Iterator[tuple[str, dict[str, str]]]:
    model = "model-000"
    (key,) = (key for key in reader.keys(model) if key.about == "records")
    yield "/", {}
    yield "/", {"search": "model-4"}
    yield "/model", {"name": model}
    yield "/episodes", {}
    yield "/episodes", {"search": model}
    yield "/episode", {"id": reader.episodes(model)[0].episode}
    yield "/signal", {"model": model, "version": key.version, "segment": key.segment, "signal": "feature.f0"}
    yield "/dead-letters", {}


def _took_s(page: Callable[[], object]) -> float:
    took_s = []
    for _ in range(REPEATS):
        began_s = time.monotonic()
        page()
        took_s.append(time.monotonic() - began_s)
    return min(took_s)


if __name__ == "__main__":
    main()
