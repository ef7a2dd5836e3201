"""The demonstration: a broker, a stream whose drifts are known, the job, and a subscriber, all on this machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from config import load
from jobs import embedded, profiles, publishing, reference, topics
from jobs.broker import Broker
from jobs.drifts import Drift, drift
from jobs.simulation import JANUARY_2026_MS, Simulation, records
from jobs.totals import Totals
from schemas.cloudevents import milliseconds
from schemas.events import DriftEvent, Event

RECORDS = 400_000
RATE = 25.0  # records a second of event time: the stream spans 4 h 26 min
DRIFTS = (  # the first 120,000 records, and 200,000 to 280,000, are like the reference
    drift("feature.monthly_spend:shift:0.5@120000-200000"),
    drift("feature.usage_hours:scale:1.5@280000"),
)
REFERENCE_RECORDS = 50_000
QUIET_S = 4.0  # after the last record: events come with the checkpoints, one a second

CONFIGURATION = """\
job: {{name: demo, checkpoints: {{every: 1 s}}}}
kafka: {{bootstrap: "{bootstrap}"}}
sources:
  predictions: {{topic: predictions, start: earliest}}
sinks:
  events: {{topic: drift-events}}
  dead_letters: {{topic: drift-dead-letters}}
models:
  churn:
    reference: profiles/churn.json
    prediction: {{task: binary, positive: "yes"}}
    window: {{size: 30 min, slide: 1 min}}
    alarms: {{budget: 1 per 30 days}}
    features:
      tenure_months: numeric
      monthly_spend: numeric
      support_calls: numeric
      days_since_login: numeric
      usage_hours: numeric
      discount: numeric
      plan: categorical
      payment: categorical
      autopay: boolean
"""


class Subscription(Protocol):
    """What the demonstration asks of a subscriber."""

    def events(self, timeout_s: float | None = None) -> Iterator[Event]:
        """Events as they come, until none has come for so long."""

    def close(self) -> None:
        """End it."""


Subscribe = Callable[[dict[str, str], str], Subscription]  # settings of the client, topic


@dataclass(frozen=True)
class Found:
    """A drift that was put into the stream, and the first episode that names its signal."""

    drift: Drift
    record: int | None  # at whose time the episode was opened
    message: str

    @property
    def delay(self) -> int | None:
        """Records from the drift's beginning to the evaluation that opened the episode."""
        return None if self.record is None else self.record - self.drift.start


@dataclass(frozen=True)
class Outcome:
    """What the demonstration comes to."""

    found: list[Found]
    false: list[DriftEvent]
    totals: Totals
    records_per_s: float


def run(
    folder: Path, subscribe: Subscribe, tell: Callable[[str], object], show: Callable[[Event, int], object]
) -> Outcome:
    """Run the demonstration in a folder, which keeps its configuration and profile.

    Parameters
    ----------
    subscribe
        Makes the subscriber of the events.
    tell
        Gets lines about what is going on.
    show
        Gets each event as a subscriber receives it, and the number of the record at whose time it was said.
    """
    folder.mkdir(parents=True, exist_ok=True)
    simulation = Simulation(records=RECORDS, drifts=DRIFTS, rate=RATE)
    tell("starting a Kafka broker")
    with Broker(tell=tell) as broker:
        config = folder / "monitors.yaml"
        config.write_text(CONFIGURATION.format(bootstrap=broker.bootstrap))
        loaded = load(config)
        tell(f"profile of {REFERENCE_RECORDS:,} records without drift")
        before = Simulation(records=REFERENCE_RECORDS, rate=RATE, seed=2, start_ms=JANUARY_2026_MS - 10**9)
        publishing.to_file(records(before), folder / "reference.jsonl")
        made = reference.make_profile(
            loaded, "churn", str(folder / "reference.jsonl"), version=None, start=None, end=None, output=None,
            progress=lambda total: nullcontext(lambda more: None),
        )  # fmt: skip
        profiles.write(made.path, made.profile)
        topics.ensure_topic(broker.client, "drift-events")
        for each in DRIFTS:
            tell(f"drift put into the stream: {describe(each)}")
        producer = threading.Thread(
            target=publishing.to_topic, args=(records(simulation), broker.client, "predictions", 2), daemon=True
        )
        topics.ensure_topic(broker.client, "predictions", 2)
        producer.start()
        tell("starting the Flink job")
        watch = _Watch(subscribe(broker.client, "drift-events"), show)
        pace = _Pace()
        totals = embedded.run(
            loaded, bounded=False, fresh=True, tell=tell, until=lambda: pace.over(watch.newest_s), on_totals=pace.note
        )
        producer.join()
        watch.stop()
    return _outcome(watch.events, totals, pace.records_per_s)


def describe(each: Drift) -> str:
    """A drift in words."""
    kinds = {"shift": f"mean moved by {each.size:g} standard deviations", "scale": f"spread times {each.size:g}"}
    until = f" to {each.end:,}" if each.end is not None else " on"
    return f"{each.signal}, {kinds[each.kind]}, from record {each.start:,}{until}"


def record_at(time_ms: int) -> int:
    """Number of the record with an event time."""
    return int((time_ms - JANUARY_2026_MS) * RATE / 1000)


class _Watch:
    """A subscriber in a thread of its own."""

    def __init__(self, subscription: Subscription, show: Callable[[Event, int], object]) -> None:
        self.events: list[DriftEvent] = []
        self.newest_s = time.monotonic()
        self._ended = threading.Event()
        self._subscriber = subscription
        self._show = show
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._ended.is_set():
            for event in self._subscriber.events(timeout_s=0.5):
                self.newest_s = time.monotonic()
                self._show(event, record_at(milliseconds(event.time)))
                if isinstance(event, DriftEvent):
                    self.events.append(event)

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()
        self._subscriber.close()


class _Pace:
    """How far the job is and how fast it was."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, int]] = []

    def note(self, totals: Totals) -> None:
        read = totals.records["read"]
        if not self._seen or read > self._seen[-1][1]:
            self._seen.append((time.monotonic(), read))

    def over(self, newest_event_s: float) -> bool:
        """Whether all records are read and nothing has come of them for a while."""
        if not self._seen or self._seen[-1][1] < RECORDS:
            return False
        return time.monotonic() - max(newest_event_s, self._seen[-1][0]) > QUIET_S

    @property
    def records_per_s(self) -> float:
        moving = [s for s in self._seen if s[1]]
        if len(moving) < 2:
            return 0.0
        (began_s, first), (ended_s, last) = moving[0], moving[-1]
        return (last - first) / (ended_s - began_s)


def _outcome(events: list[DriftEvent], totals: Totals, records_per_s: float) -> Outcome:
    opened = [event for event in events if event.type == "io.tidemark.drift.opened"]
    found, used = [], set()
    for each in DRIFTS:
        until = RECORDS if each.end is None else each.end
        mine = [
            event
            for event in opened
            if any(s.signal == each.signal for s in event.data.signals)
            and each.start <= record_at(milliseconds(event.data.onset)) + int(RATE * 120)
            and each.start <= record_at(milliseconds(event.time)) < until + int(RATE * 1800)
        ]
        used |= {event.id for event in mine}
        first = min(mine, key=lambda event: event.time, default=None)
        record = None if first is None else record_at(milliseconds(first.time))
        found.append(Found(each, record, "" if first is None else first.data.message))
    return Outcome(found, [event for event in opened if event.id not in used], totals, records_per_s)
