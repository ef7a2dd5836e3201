"""Peers in processes of their own, one environment after the other; streams go there as .npy files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks import environments
from benchmarks.environments import UnavailableError
from benchmarks.quality.contenders import OWN, Contender
from benchmarks.quality.measures import Alarms
from benchmarks.quality.streams import Stream

ROOT = Path(__file__).parents[2]
Tell = Callable[[str], object]
_Asked = Sequence[tuple[int, Mapping[str, Any]]]  # numbers of tasks, and what contenders are asked of each


@dataclass(frozen=True)
class Task:
    """A stream for some contenders, by their names, each with one or more sets of options."""

    stream: Stream
    contenders: Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Said:
    """What a contender said of a task, or why it said nothing."""

    task: int
    contender: str
    setting: int = 0  # which set of options
    alarms: Alarms | None = None
    scores: tuple[tuple[int, float], ...] = ()
    error: str = ""


class Environments:
    """Interpreters of the peers, made when they are first asked for, and how many programs run at a time."""

    def __init__(self, folder: Path, tell: Tell, at_a_time: int = 1) -> None:
        self._folder, self._tell, self.at_a_time = folder, tell, at_a_time
        self._failed: dict[str, str] = {}

    def python(self, name: str) -> Path:
        """Give an environment's interpreter.

        Raises
        ------
        UnavailableError
        """
        if name == OWN:
            return Path(sys.executable)
        if name in self._failed:
            raise UnavailableError(self._failed[name])
        folder = self._folder / f"{name}-{sys.version_info.major}.{sys.version_info.minor}"
        pins = ROOT / "requirements" / f"peers-{name}.txt"
        try:
            return environments.python(folder, ["--no-deps", "-r", pins], self._tell, pins.name)
        except UnavailableError as error:
            self._failed[name] = str(error)
            raise


def run(peers: Sequence[Contender], tasks: Sequence[Task], made: Environments, tell: Tell) -> Iterator[Said]:
    """Let the peers look at the tasks that name them: what they say comes program by program."""
    asked_of = []
    programs = dict.fromkeys((peer.slow, peer.environment, peer.program) for peer in peers)
    for slow, environment, program in sorted(programs):
        names = [peer.name for peer in peers if (peer.slow, peer.program) == (slow, program)]
        asked = [
            (number, {name: settings for name, settings in task.contenders.items() if name in names})
            for number, task in enumerate(tasks)
        ]
        asked = [(number, contenders) for number, contenders in asked if contenders]
        if not asked:
            continue
        try:
            python = made.python(environment)
        except UnavailableError as error:
            yield from (Said(number, name, error=str(error)) for number, wanted in asked for name in wanted)
            continue
        asked_of.append((names, python, program, asked))

    def answers(names: Sequence[str], python: Path, program: str, asked: _Asked) -> list[Said]:
        tell(f"{', '.join(names)}: {len(asked)} streams")
        return list(_answers(python, program, asked, tasks))

    with ThreadPoolExecutor(made.at_a_time) as pool:
        for said in [pool.submit(answers, *one) for one in asked_of]:
            yield from said.result()


def _answers(python: Path, program: str, asked: _Asked, tasks: Sequence[Task]) -> Iterator[Said]:
    with TemporaryDirectory(prefix="tidemark-quality-") as made:
        folder = Path(made)
        streams = []
        for number, contenders in asked:
            stream = tasks[number].stream
            path = folder / f"{number}.npy"
            np.save(path, np.concatenate([stream.reference, stream.values]))
            streams.append({
                "file": str(path), "reference": len(stream.reference), "window": stream.window,
                "slide": stream.slide, "named": stream.named, "contenders": contenders,
            })  # fmt: skip
        job = folder / "job.json"
        job.write_text(json.dumps({"streams": streams}))
        missing = {(number, name, i) for number, wanted in asked for name in wanted for i in range(len(wanted[name]))}
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
        with (folder / "stderr").open("w+") as errors, subprocess.Popen(
            [python, "-W", "ignore", "-m", f"benchmarks.quality.peers.{program}", job],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, env=_environment() | one_thread,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("{"):  # some peers print
                    said = _said(json.loads(line), asked)
                    missing.discard((said.task, said.contender, said.setting))
                    yield said
            process.wait()
            errors.seek(0)
            why = (errors.read().strip().splitlines() or ["it ended without a word"])[-1]
        yield from (Said(number, name, setting, error=why) for number, name, setting in sorted(missing))


def _environment() -> dict[str, str]:
    """What this process has, without paths that would lead a peer to our packages."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}


def _said(line: Mapping[str, Any], asked: _Asked) -> Said:
    which = asked[line["stream"]][0], line["contender"], line["setting"]
    if "error" in line:
        return Said(*which, error=line["error"])
    alarms = Alarms(tuple(line["positions"]), None, line["seconds"], line["values"])
    return Said(*which, alarms, tuple(map(tuple, line["scores"] or ())))
