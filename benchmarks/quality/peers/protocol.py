"""How a peer's program gets streams and answers: a JSON file that names .npy files in, a JSON line a stream out.

Each contender is a function that is given a task and options and says at which numbers of values seen it alarms.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """A stream, as a peer sees it."""

    reference: Floats  # shape (rows, columns)
    values: Floats
    window: int
    slide: int
    named: tuple[bool, ...]


@dataclass
class Answer:
    """What a contender says of a stream."""

    positions: list[int] = field(default_factory=list)
    values: int = 0  # that were fed, all columns
    scores: list[tuple[int, float]] | None = None  # of windowed contenders: position, and what is held to a threshold


Contender = Callable[[Task, Mapping[str, Any]], Answer]


def windows(task: Task) -> Iterator[tuple[int, Floats]]:
    """Each full window of the stream: how many values were seen at its end, and its rows."""
    for end in range(task.window, len(task.values) + 1, task.slide):
        yield end, task.values[end - task.window : end]


def compared(task: Task, judge: Callable[[int, Floats], tuple[float, bool]]) -> Answer:
    """Hold each window to the reference, column by column; any column's alarm counts, the highest score is kept."""
    answer = Answer(values=task.values.size, scores=[])
    assert answer.scores is not None
    for position, rows in windows(task):
        said = [judge(column, rows[:, column]) for column in range(rows.shape[1])]
        answer.scores.append((position, max(score for score, _ in said)))
        if any(alarm for _, alarm in said):
            answer.positions.append(position)
    return answer


def followed(task: Task, make: Callable[[], Callable[[float], bool]], warm: int | None = None) -> Answer:
    """Let a detector of its own follow each column, the reference (or its last ``warm`` values) first."""
    positions: list[int] = []
    reference = task.reference if warm is None else task.reference[-warm:]
    for column in range(task.values.shape[1]):
        alarms = make()
        for value in reference[:, column].tolist():
            alarms(value)
        positions += [at for at, value in enumerate(task.values[:, column].tolist(), 1) if alarms(value)]
    return Answer(sorted(positions), task.values.size + reference.size)


def serve(contenders: Mapping[str, Contender]) -> None:
    """Answer the job that the command line names."""
    job = json.loads(Path(sys.argv[1]).read_text())
    for number, stream in enumerate(job["streams"]):
        rows = np.load(stream["file"])
        size = stream["reference"]
        task = Task(rows[:size], rows[size:], stream["window"], stream["slide"], tuple(stream["named"]))
        for name, settings in stream["contenders"].items():
            for setting, options in enumerate(settings):
                line = {"stream": number, "contender": name, "setting": setting}
                print(json.dumps(line | _answer(contenders[name], task, options)), flush=True)


def _answer(contender: Contender, task: Task, options: Mapping[str, Any]) -> dict[str, Any]:
    began = time.process_time()
    try:
        answer = contender(task, options)
    except Exception as error:  # noqa: BLE001 - a peer that fails on a stream is named in the tables
        return {"error": f"{type(error).__name__}: {error}"[:200]}
    seconds = time.process_time() - began
    return {"positions": answer.positions, "values": answer.values, "seconds": seconds, "scores": answer.scores}
