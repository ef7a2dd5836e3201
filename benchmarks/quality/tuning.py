"""Peers at the false-alarm rate of the budget: their thresholds set on stationary streams, then a shift is found.

The most sensitive threshold of a list is taken at which there are at most as many false episodes as the budget
allows. It is set on streams of one kind, and the shift comes on others of the same kind: no peer has this luck where
the kind of values is not known before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.quality import processes, simulated, tidemark
from benchmarks.quality.contenders import PEERS, Contender
from benchmarks.quality.measures import Alarms, Score, score
from benchmarks.quality.processes import Environments, Said, Task, Tell
from benchmarks.quality.streams import SLIDES_A_WINDOW, Stream

FAMILY, CHANGE = "normal", "shift 0.5 sd"
CONFIRM = 2  # Tidemark's default
SHORT_SLIDES = 50  # a window: evaluations as often as once in 20 values

# From the most sensitive to the least. Geometric; the default of each is among them or beyond its first.
LADDERS: dict[str, tuple[str, tuple[float, ...]]] = {
    "river ADWIN": ("delta", (0.9, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.05, 0.03, 0.01)),
    "river PageHinkley": ("threshold", (20, 30, 40, 50, 60, 70, 85, 100, 120, 145, 175, 210, 250)),
    "river KSWIN": ("alpha", (1e-4, 1e-5, 1e-6, 1e-7)),
    "Alibi-Detect CVM online": ("ert", (28_800.0,)),  # the budget itself is its setting
    "Frouros CUSUM": ("lambda_", (50, 70, 100, 140, 200, 280, 400)),
    "Frouros PageHinkley": ("lambda_", (50, 70, 100, 140, 200, 280, 400)),
}


@dataclass(frozen=True)
class Row:
    """One contender at the rate of the budget."""

    name: str
    kind: str  # Tidemark, sequential, windowed
    setting: str
    quiet: Score  # on the stationary streams
    found: Score  # on those with the shift


def chosen(rungs: Sequence[tuple[float, Score]], period: int) -> tuple[float, Score]:
    """The most sensitive setting that keeps to one false episode in so many values, else the least sensitive."""
    return next((rung for rung in rungs if rung[1].false * period <= rung[1].quiet), rungs[-1])


def threshold(pairs: Iterable[tuple[Stream, Sequence[tuple[int, float]]]], period: int) -> float:
    """The lowest threshold on a windowed contender's scores that keeps to one false episode in so many values."""
    known = list(pairs)
    levels = np.unique([value for _, scores in known for _, value in scores])
    low, high = 0, len(levels) - 1
    while low < high:  # false episodes become fewer as thresholds rise, but for episodes that are cut in two
        middle = (low + high) // 2
        judged = score([(stream, over(scores, levels[middle])) for stream, scores in known])
        low, high = (low, middle) if judged.false * period <= judged.quiet else (middle + 1, high)
    return float(levels[low])


def over(scores: Sequence[tuple[int, float]], level: float) -> Alarms:
    """Alarms at all scores above a level."""
    return Alarms(tuple(position for position, value in scores if value > level))


def equal_rate(
    calm: int, shifted: int, slow: int, seed: int, made: Environments, tell: Tell, pool: Executor
) -> tuple[list[Row], dict[str, str]]:
    """Rows of the table, and why contenders are missing in it; slow peers see at most so many streams."""
    peers = {peer.name: peer for peer in PEERS}
    stationary = list(simulated.streams(FAMILY, "none", calm, seed + 1))
    changed = list(simulated.streams(FAMILY, CHANGE, shifted, seed + 1))
    rows = [
        _own(stationary, changed, window_slides, confirm, tell, pool)
        for window_slides in (SLIDES_A_WINDOW, SHORT_SLIDES)
        for confirm in (CONFIRM, 1)
    ]
    errors: dict[str, str] = {}
    ladders = [Task(stream, _settings(number < slow)) for number, stream in enumerate(stationary)]
    before = _said(ladders, made, tell, errors)
    tuned = {peer.name: _tuned(peer, before[peer.name]) for peer in PEERS if peer.name in before}
    tasks = [
        Task(stream, {name: [one.options] for name, one in tuned.items() if number < slow or not peers[name].slow})
        for number, stream in enumerate(changed)
    ]
    after = _said(tasks, made, tell, errors)
    for peer in PEERS:
        if peer.name in after:
            one = tuned[peer.name]
            found = score([(stream, one.alarms(said)) for stream, said in after[peer.name][0]])
            rows.append(Row(peer.name, peer.kind, one.shown, one.quiet, found))
    return rows, errors


_By = dict[str, dict[int, list[tuple[Stream, Said]]]]  # contender, setting


@dataclass(frozen=True)
class _Tuned:
    options: Mapping[str, Any]
    level: float | None  # on the scores of a windowed contender
    shown: str
    quiet: Score

    def alarms(self, said: Said) -> Alarms:
        assert said.alarms is not None
        return said.alarms if self.level is None else over(said.scores, self.level)


def _tuned(peer: Contender, said: Mapping[int, Sequence[tuple[Stream, Said]]]) -> _Tuned:
    if peer.kind == "windowed":
        pairs = [(stream, one.scores) for stream, one in said[0]]
        level = threshold(pairs, simulated.CALM)
        shown = f"score over {level:.3g}" if level >= 0 else f"p below {-level:.2g}"
        return _Tuned({}, level, shown, score([(stream, over(scores, level)) for stream, scores in pairs]))
    options = _settings(slow=True)[peer.name]
    rungs = []
    for setting, pairs_ in sorted(said.items()):
        scored = score([(stream, one.alarms) for stream, one in pairs_ if one.alarms is not None])
        rungs.append((float(setting), scored))
    setting_, quiet = chosen(rungs, simulated.CALM)
    picked = options[int(setting_)]
    return _Tuned(picked, None, ", ".join(f"{name.strip('_')} {value:g}" for name, value in picked.items()), quiet)


def _settings(slow: bool) -> dict[str, list[dict[str, Any]]]:
    """What each peer is tried with; slow ones where they are wanted."""
    found: dict[str, list[dict[str, Any]]] = {}
    for peer in PEERS:
        if slow or not peer.slow:
            name, values = LADDERS.get(peer.name, ("", ()))
            found[peer.name] = [{name: value} for value in values] or [{}]
    return found


def _said(tasks: Sequence[Task], made: Environments, tell: Tell, errors: dict[str, str]) -> _By:
    by: _By = {}
    for one in processes.run(PEERS, tasks, made, tell):
        if one.alarms is None:
            errors[one.contender] = one.error
        else:
            settings = by.setdefault(one.contender, {})
            settings.setdefault(one.setting, []).append((tasks[one.task].stream, one))
    return by


def _own(
    stationary: Sequence[Stream],
    changed: Sequence[Stream],
    window_slides: int,
    confirm: int,
    tell: Tell,
    pool: Executor,
) -> Row:
    setting = f"confirm {confirm}, each {simulated.WINDOW // window_slides} values"
    tell(f"Tidemark, {setting}: {len(stationary)} calm and {len(changed)} changed streams")
    watch = partial(tidemark.watch, window_slides=window_slides, confirm=confirm)
    quiet, found = (
        score(list(zip(streams, pool.map(watch, streams), strict=True))) for streams in (stationary, changed)
    )
    return Row(tidemark.NAME, tidemark.NAME, setting, quiet, found)
