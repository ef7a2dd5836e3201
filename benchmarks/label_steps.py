"""What labels cost in the worker, step by step and without Flink: ``python -m benchmarks.label_steps``.

The steps of the job are run in turn in one process: records and labels of `benchmarks.throughput` are decoded, half of
the predictions get labels an hour after, and accuracy is computed of them. Ids of predictions that wait are random
numbers, as their hashes are. Each step is timed by itself; the last panes count.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks import configurations, records
from jobs.simulation import JANUARY_2026_MS
from operators.decode import Decoder
from operators.encoding.entries import Entry, Place
from operators.joins import Joins, labelled
from operators.labels.join_chunks import LABELS, PREDICTIONS, Hashes, Ints, Rows, cut_chunks
from operators.labels.join_rows import label_data, matched, pane_of, prediction_data
from operators.performances import Performances
from operators.profiles.profile_files import load_references
from operators.profiles.references import JobReferences

BATCH = 25_000  # records that the job decodes at a time
BATCHES = 8
COUNTED = 30  # panes that are timed, with all of an hour before them waiting
SAMPLES = {"no labels": None, "sample: 1.0": 1.0, "sample: 0.1": 0.1}


class Times:
    """Processor time of steps, in microseconds of each record."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)

    @contextmanager
    def of(self, step: str, each: int) -> Iterator[None]:
        """Time a step of a stream of so many records."""
        start = time.thread_time()
        yield
        self.spent[step] += (time.thread_time() - start) / each * 1e6


def decoding(job: JobReferences, kind: str, lines: Sequence[bytes], times_ms: Ints, step: str, times: Times) -> None:
    """Decode lines batch by batch; the first is not timed."""
    decoder = Decoder(job, next(source for source in job.plan.sources if source.kind == kind))
    late = np.zeros(BATCH, np.bool_)
    for start in range(0, len(lines), BATCH):
        place = Place(topic=kind, partitions=[0] * BATCH, offsets=range(start, start + BATCH))
        part = slice(start, start + BATCH)
        with (times if start else Times()).of(step, len(lines) - BATCH):
            decoder.decode(lines[part], times_ms[part], late, place)


def joining(job: JobReferences, pane_records: int, times: Times) -> None:
    """Join an hour of predictions with their labels, and compute accuracy."""
    model, plan = next(iter(labelled(job.plan).items()))
    pane_ms, rng = job.plan.job.pane_ms, np.random.default_rng(1)
    joins, performances = Joins(job.plan), Performances(job)
    kept: dict[str, dict[str, bytes]] = defaultdict(dict)
    states: dict[str, bytes] = defaultdict(bytes)
    made: list[Hashes] = []
    offsets = np.arange(pane_records) * pane_ms // pane_records
    data = prediction_data(np.tile([1.0, 0.7], (pane_records, 1)), [np.zeros(pane_records, np.int64)])
    wait = records.DELAY_MS // pane_ms
    for pane in range(wait + 2 * COUNTED):
        start_ms = JANUARY_2026_MS + pane * pane_ms
        end_ms = start_ms + pane_ms
        made.append(rng.integers(0, 2**64 - 1, pane_records, np.uint64))
        predictions = Rows(made[-1], start_ms + offsets, data)
        entries = list(cut_chunks(PREDICTIONS, model, plan, predictions, offsets, pane_ms, ["1|champion"]))
        if pane >= wait:
            hashes = made[pane - wait][::2]
            labels = Rows(hashes, start_ms + offsets[::2], label_data(np.ones(len(hashes))))
            entries += cut_chunks(LABELS, model, plan, labels, offsets[::2], pane_ms)
        counted = times if pane >= wait + COUNTED else Times()
        with counted.of("join", COUNTED * pane_records):
            matches = joined(joins, kept, entries)
        with counted.of("performance", COUNTED * pane_records):
            for key, parts in matches.items():
                states[key] = performances.fold(key, states[key], parts, end_ms, end_ms).state


def joined(joins: Joins, kept: dict[str, dict[str, bytes]], entries: Sequence[Entry]) -> dict[str, list[bytes]]:
    """Matches of a pane by key, as they cross to the performance."""
    chunks: dict[str, list[bytes]] = defaultdict(list)
    for entry in entries:
        chunks[entry.key].append(entry.data)
    matches: dict[str, list[bytes]] = defaultdict(list)
    for key, parts in chunks.items():
        found = joins.fold(key, kept[key], parts)
        for owner, data in found.matches:
            matches[owner].append(pane_of(matched(found.pane_ms, data))[1])
    return matches


def main() -> None:
    """Print a table of microseconds a prediction, of labels a label, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.label_steps", description=main.__doc__)
    parser.add_argument("--pane-records", type=int, default=4_167, help="as many come in a pane of the other benchmark")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="tidemark-") as name:
        folder = Path(name)
        records.write(folder / "records.jsonl", BATCH * BATCHES)
        records.write_reference(folder / "reference.jsonl")
        configurations.write_profile(folder, folder / "reference.jsonl")
        lines = (folder / "records.jsonl").read_bytes().splitlines()
        times_ms = JANUARY_2026_MS + np.arange(len(lines)) * 10_000 // given.pane_records
        label_lines = [b'{"id":"1-%d","label":"%s"}' % (row, (b"no", b"yes")[row % 2]) for row in range(len(lines))]
        for setting, sample in SAMPLES.items():
            loaded = configurations.configuration(folder, bootstrap="localhost:1", sample=sample)
            job, times = load_references(loaded.plan), Times()
            decoding(job, "predictions", lines, times_ms, "decode", times)
            if sample is not None:
                decoding(job, "labels", label_lines, times_ms, "decode a label", times)
                joining(job, given.pane_records, times)
            found[setting] = times.spent
    if given.json:
        print(json.dumps(found, indent=1))
        return
    print(f"{'us each':16}" + "".join(f"{setting:>13}" for setting in found))
    for step in found["sample: 1.0"]:
        cells = (f"{times[step]:13.2f}" if step in times else " " * 13 for times in found.values())
        print(f"{step:16}" + "".join(cells))


if __name__ == "__main__":
    main()
