"""The comparison: all contenders with their defaults on the same streams."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

from benchmarks import false_alarms
from benchmarks.quality import processes, real, simulated, tidemark
from benchmarks.quality.contenders import PEERS
from benchmarks.quality.measures import Alarms, Score, score
from benchmarks.quality.processes import Environments, Task, Tell
from benchmarks.quality.streams import Stream

RECORDS, CONFIRM = 100, 2  # records a slide, evaluations that must agree: the defaults of `false_alarms`

Pairs = list[tuple[Stream, Alarms]]


@dataclass
class Results:
    """What each contender said of each stream."""

    said: dict[str, Pairs] = field(default_factory=lambda: defaultdict(list))  # by contender
    errors: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    skipped: list[str] = field(default_factory=list)  # data sets that are not there

    def score(self, contender: str, *, group: str | None = None, change: str | None = None) -> Score | None:
        """Judge a contender on a part of the streams; None if it has said nothing of them."""
        pairs = [
            (stream, alarms)
            for stream, alarms in self.said.get(contender, [])
            if group in (None, stream.group) and change in (None, stream.change)
        ]
        return score(pairs) if pairs else None


FEW = ("none", "shift 0.5 sd", "spread x1.5", "mix 15 %")  # changes of a quick run


def simulated_streams(count: int, seed: int, few: bool) -> list[list[Stream]]:
    """So many streams of each family and change, or of few changes, in lists of the same kind."""
    return [
        list(simulated.streams(family, change, count, seed))
        for family in simulated.FAMILIES
        for change in simulated.changes(family)
        if not few or change in FEW
    ]


def real_streams(data: Path, results: Results) -> list[list[Stream]]:
    """Streams of the real sets, in lists by set; sets that are not there are noted."""
    found = []
    for name in real.SETS:
        try:
            found.append(real.streams(name, data))
        except real.MissingDataError as error:
            results.skipped.append(str(error))
    return found


def budget(periods: int, seed: int, tell: Tell, pool: Executor) -> list[tuple[str, int, int]]:
    """Family, budget periods of a day and false episodes, of models with several features: `false_alarms`."""
    if not periods:
        return []
    found = []
    seen = partial(false_alarms.stationary, periods=periods, records=RECORDS, confirm=CONFIRM, previous_ms=0, seed=seed)
    for family, row in zip(false_alarms.FAMILIES, pool.map(seen, false_alarms.FAMILIES), strict=True):
        found.append((family, periods, cast(int, row["episodes"])))
        tell(f"budget of Tidemark: {family}, {periods} periods, {row['episodes']} false episodes")
    return found


def compare(
    kinds: Sequence[Sequence[Stream]],
    results: Results,
    made: Environments,
    tell: Tell,
    slow: int | None,
    pool: Executor,
) -> None:
    """Let all contenders look at the streams; slow ones see at most so many of each kind."""
    tasks = []
    own = pool.map(tidemark.watch, [stream for streams in kinds for stream in streams])
    for streams in kinds:
        for number, stream in enumerate(streams):
            results.said[tidemark.NAME].append((stream, next(own)))
            for peer in PEERS:
                if peer.slow and slow == 0:
                    results.errors[peer.name]["left out, as it is slow (--slow 0)"] += 1
            able = [peer for peer in PEERS if slow is None or not peer.slow or number < slow]
            tasks.append(Task(stream, {peer.name: [{}] for peer in able}))
        tell(f"Tidemark: {streams[0].group}, {streams[0].change}")
    for said in processes.run(PEERS, tasks, made, tell):
        if said.alarms is None:
            results.errors[said.contender][said.error] += 1
        else:
            results.said[said.contender].append((tasks[said.task].stream, said.alarms))
