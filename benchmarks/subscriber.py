"""How fast the subscriber is with a handler that does nothing: ``python -m benchmarks.subscriber``.

Real events from a real broker; every one is decoded, looked up and written to the memory on disk, and its place is
committed. Start-up, joining the group and the broker's own processor time are in the time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import msgspec
from confluent_kafka import Producer

from consumers.samples import drift_event
from consumers.subscriber import Counts, Subscriber
from jobs.broker import Broker
from jobs.topics import ensure_topic
from schemas.events import encode

EVENTS = 200_000  # some 10 s: joining the group takes half a second of them


def main() -> None:
    """Fill a topic, read it, and print the figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.subscriber", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS, help=f"how many (default: {EVENTS:,})")
    count = parser.parse_args().events
    with Broker() as broker, tempfile.TemporaryDirectory() as folder:
        ensure_topic(broker.client, "drift-events")
        _fill(broker.client, count)
        subscriber = Subscriber(broker.client, "drift-events", "benchmark", memory=Path(folder) / "memory.db")
        subscriber.on()(lambda event: None)
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        counts = subscriber.run(until_end=True)
        took_s, cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    assert counts == Counts(handled=count)
    print(f"{count / took_s:,.0f} events/s; {cpu_s / count * 1e6:.0f} microseconds of processor time an event")


def _fill(client: dict[str, str], count: int) -> None:
    producer = Producer({**client, "linger.ms": 50})
    event = drift_event()
    for number in range(count):
        producer.produce("drift-events", encode(msgspec.structs.replace(event, id=f"{number:032x}")))
        producer.poll(0)
    producer.flush()


if __name__ == "__main__":
    main()
