"""The records that all measurements read: 20 features, prediction and confidence, 384 bytes of JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from jobs import publishing
from jobs.simulation import JANUARY_2026_MS, Simulation, features
from jobs.simulation import records as simulated

MODEL = "wide"
FEATURES = features(MODEL)
PARTITIONS = 4
RATE = 1_000.0  # records a second of event time: 10,000 a pane
SEGMENTS = 1_000
SEGMENTED_RATE = 10_000.0  # 100 a pane for each of the segments
REFERENCE = 50_000
LABELLED_MS = 7_200_000
DELAY_MS = 3_600_000  # of labels


def write(path: Path, count: int) -> None:
    """Write the records to a file of JSON lines."""
    publishing.to_file(simulated(_simulation(count)), path)


def write_reference(path: Path) -> None:
    """Write records for the profile, from before."""
    start_ms = JANUARY_2026_MS - int(REFERENCE * 1000 / RATE)
    publishing.to_file(simulated(msgspec.structs.replace(_simulation(REFERENCE), seed=2, start_ms=start_ms)), path)


def publish(path: Path, count: int, client: Mapping[str, Any], topic: str) -> None:
    """Put the first records of a file into a topic.

    Those of the topic `segmented` have a field ``region``, which takes each of its values in turn, and are ten times
    as fast in event time. Those of the topic `labelled` all come in LABELLED_MS of event time.
    """
    publishing.to_topic(_stream(path, count, topic), client, topic, PARTITIONS)


def publish_labels(count: int, client: Mapping[str, Any], topic: str) -> None:
    """Put labels of half of the records of the topic `labelled` into a topic, an hour later in event time."""
    publishing.to_topic(_labels(count), client, topic, PARTITIONS)


def _labels(count: int) -> Iterator[tuple[int, bytes]]:
    for row in range(0, count, 2):
        time_ms = LABELLED_MS * row // count + DELAY_MS
        if time_ms > LABELLED_MS:
            return
        yield JANUARY_2026_MS + time_ms, b'{"id":"1-%d","label":"%s"}' % (row, b"yes" if row % 3 else b"no")


def publish_all(count: int, client: Mapping[str, Any], topic: str) -> None:
    """Put records into a topic without a file on the way."""
    publishing.to_topic(simulated(_simulation(count)), client, topic, PARTITIONS)


def _simulation(count: int) -> Simulation:
    return Simulation(dataset=MODEL, model=MODEL, records=count, rate=RATE)


def _stream(path: Path, count: int, topic: str) -> Iterator[tuple[int, bytes]]:
    segmented = topic == "segmented"
    rate = {"segmented": SEGMENTED_RATE, "labelled": count * 1000 / LABELLED_MS}.get(topic, RATE)
    with path.open("rb") as lines:
        for row, line in enumerate(islice(lines, count)):
            record = line[:-1]
            if segmented:
                # By a hash of the row: taken in turn, all records of a region would lie in one partition.
                record = b'{"region":"r%d",%b' % (row * 7919 % 1_000_003 % SEGMENTS, record[1:])
            yield JANUARY_2026_MS + int(row * 1000 / rate), record
