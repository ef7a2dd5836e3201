"""A track: one sequential detector on one form of one signal; and what it alarms at in a pane."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import DetectorPlan
from operators.detectors.alarms import Alarms
from operators.encoding.chunks import Pane
from operators.encoding.codes import CODES, UNSEEN
from operators.reading.values import disguised
from schemas.profile import NumericSignal, Signal

Form = Literal["rank", "spread", "raw"]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Track:
    """One sequential detector on one form of one signal."""

    signal: int  # position among the signals
    detector: str  # adwin, page_hinkley, or river's with "river:" before it
    form: Form
    plan: DetectorPlan
    followed: str = ""  # name of the signal; river's only
    truths: Floats | None = field(default=None, compare=False)  # (256,) values by code of a boolean; river's only

    @property
    def name(self) -> str:
        """As events and scores name it."""
        return self.detector + (":spread" if self.form == "spread" else "")

    @property
    def made_with(self) -> str:
        """What its state holds of the configuration: river's detectors keep their options."""
        return " " + msgspec.json.encode(self.plan.options, order="sorted").decode() if self.plan.is_river else ""

    @property
    def gated(self) -> bool:
        """Whether its alarms count only while the change is at least `min_effect`: not river's, nor raw values'."""
        return self.form != "raw" and not self.plan.is_river


def river_track(position: int, name: str, plan: DetectorPlan, signal: Signal) -> Track:
    """The track of one of river's detectors on a signal.

    Of a boolean that the reference has but one value of, any other is the opposite one.
    """
    truths = None
    if plan.input == "raw" and not isinstance(signal, NumericSignal):
        truths = np.full(CODES, np.nan)
        known = {"true": 1.0, "false": 0.0, disguised("true"): 1.0, disguised("false"): 0.0}
        values = [known.get(category, np.nan) for category, _ in signal.categories]
        truths[: len(values)] = values
        if len(values) == 1:
            truths[UNSEEN] = 1.0 - values[0]
    return Track(position, plan.name, plan.input, plan, name, truths)


@dataclass(frozen=True)
class Hit:
    """What a track alarmed at in a pane."""

    track: int  # position among the tracks
    alarms: int  # how many: after each the detector starts anew
    time_ms: int  # event time of the record at which the first was raised
    onset_ms: int  # of the first record of its change, or of the pane where that is older
    before: float  # records from there to the pane's first, 0 if the change began in the pane
    statistic: float  # of the last alarm; of river's, which tell no more, how many there were
    threshold: float  # of river's 0
    direction: int = 0  # of the last alarm: 1 where the values rose, -1 where they fell; 0: it does not tell


@dataclass
class Alarmed:
    """Alarms of a row in a pane: where the first was and how long its change had lasted; and the last."""

    position: int
    since: int
    alarms: int
    statistic: float
    threshold: float
    direction: int

    def in_values(self, block: int, before: int) -> None:
        """Count in values, not in blocks, of which the first had so many values before the pane."""
        if block > 1:
            self.position = (self.position + 1) * block - before - 1
            self.since *= block

    def hit(self, track: int, valid: npt.NDArray[np.int64], pane: Pane) -> Hit:
        """The alarms as a hit; ``valid`` are the records that have a value."""
        first = self.position - self.since + 1
        return Hit(
            track=track,
            alarms=self.alarms,
            time_ms=int(pane.times_ms[valid[self.position]]),
            onset_ms=int(pane.times_ms[valid[first] if first >= 0 else 0]),
            before=max(0, -first) * len(pane) / len(valid),
            statistic=self.statistic,
            threshold=self.threshold,
            direction=self.direction,
        )


class Found:
    """Alarms of a pane's parts, by row."""

    def __init__(self) -> None:
        self.rows: dict[int, Alarmed] = {}

    def add(self, alarms: Alarms, seen: npt.NDArray[np.int64]) -> None:
        """Take in a part's alarms; ``seen`` values of each row came before the part."""
        if not len(alarms):
            return
        rows, starts, counts = np.unique(alarms.signal, return_index=True, return_counts=True)
        for row, start, count in zip(rows.tolist(), starts.tolist(), counts.tolist(), strict=True):
            last = start + count - 1
            told = float(alarms.statistic[last]), float(alarms.threshold[last]), int(alarms.direction[last])
            known = self.rows.get(row)
            if known is None:
                position = int(seen[row] + alarms.position[start])
                self.rows[row] = Alarmed(position, int(alarms.since[start]), count, *told)
            else:
                known.alarms += count
                known.statistic, known.threshold, known.direction = told
