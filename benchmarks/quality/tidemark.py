"""Tidemark on a stream: its defaults and a stated budget, through the step functions of job and backtest.

Each value is a record; slides are 5 minutes, so that a window is 50 minutes, in panes of 10 s. Nothing is set by the
stream but the window's length in values and, where that is short, the fewest values a window must have.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal

import numpy as np

from benchmarks import watched
from benchmarks.quality.measures import Alarms
from benchmarks.quality.streams import SLIDES_A_WINDOW, Floats, Stream
from config.plan import AlarmsPlan, FeaturePlan, ModelPlan, WindowPlan
from operators.monitoring.detection import Detection
from operators.profiles.references import FEATURE, ModelSignals
from schemas.cloudevents import milliseconds
from schemas.profile import Profile, Provenance

NAME = "Tidemark"
BUDGET_SLIDES = 288  # one false episode in so many: in a day of slides of five minutes
SLIDE_MS = watched.SLIDE_MS
WEEK_MS = 7 * 24 * 60 * watched.MINUTE
MIN_COUNT = 500
PANES = 30  # of a slide: 10 s of 5 minutes, as in a job by default


def watch(stream: Stream, *, window_slides: int = SLIDES_A_WINDOW, confirm: int = 2) -> Alarms:
    """When it is in alarm: when an episode is told of, and at the end of each slide until it is resolved.

    So does a windowed test: it alarms at each evaluation while the change lasts.
    """
    began = time.process_time()
    sizes = stream.slides if window_slides == SLIDES_A_WINDOW else _sizes(stream, window_slides)
    model = watched.Stream(Detection(_signals(stream, window_slides, confirm)))
    model.show([stream.values[:, column] for column in range(stream.values.shape[1])], sizes, PANES)
    seconds = time.process_time() - began
    ends = np.cumsum(sizes)
    told: dict[int, int] = {}  # by values seen: the onset that was told last
    open_: dict[str, tuple[int, int]] = {}  # by episode: values seen at its last event, the onset told there
    for event in model.events:
        now, episode = _position(milliseconds(event.time), ends), event.data.episode
        if episode in open_:
            told |= _going_on(*open_.pop(episode), now, ends)
        if not event.type.endswith(".resolved"):
            newest = max(milliseconds(signal.onset) for signal in event.data.signals)
            onset_ms = milliseconds(event.data.onset) if event.type.endswith(".opened") else newest
            open_[episode] = now, _position(onset_ms, ends)
    for first, onset in open_.values():
        told |= _going_on(first, onset, len(stream.values) + 1, ends)
    positions = sorted(told)
    onsets = [told[position] for position in positions]
    return Alarms(tuple(positions), tuple(onsets), seconds, stream.values.size + stream.reference.size)


def _going_on(first: int, onset: int, until: int, ends: np.typing.NDArray[np.int64]) -> dict[int, int]:
    """Alarms from the first on, before the next."""
    later = ends[(ends > first) & (ends < until)].tolist()
    return dict.fromkeys([first, *later], onset)


def _sizes(stream: Stream, window_slides: int) -> list[int]:
    whole, rest = divmod(len(stream.values), stream.window // window_slides)
    return [stream.window // window_slides] * whole + ([rest] if rest else [])


def _signals(stream: Stream, window_slides: int, confirm: int) -> ModelSignals:
    features = tuple(
        FeaturePlan(name=f"f{number}", type="categorical" if named else "numeric")
        for number, named in enumerate(stream.named)
    )
    model = ModelPlan(
        name="model",
        window=WindowPlan(
            size_ms=window_slides * SLIDE_MS, slide_ms=SLIDE_MS, min_count=min(MIN_COUNT, stream.window),
            grow_to_ms=WEEK_MS,
        ),
        alarms=AlarmsPlan(
            budget=1.0, period_ms=BUDGET_SLIDES * SLIDE_MS * window_slides // SLIDES_A_WINDOW, confirm=confirm,
            recover=3, min_effect="small", critical="large",
        ),
        features=features,
    )  # fmt: skip
    columns: Sequence[Floats] = [stream.reference[:, column] for column in range(len(features))]
    signals = {
        FEATURE + feature.name: watched.profiled(values, named)
        for feature, values, named in zip(features, columns, stream.named, strict=True)
    }
    order: Literal["time", "file"] = "time" if stream.timed else "file"
    provenance = Provenance(source="a", rows=len(columns[0]), start=None, end=None, tidemark="", order=order)
    profile = Profile(model="model", version=None, provenance=provenance, signals=signals)
    return ModelSignals(model, watched.related(model, profile, columns))


def _position(at_ms: int, ends: np.typing.NDArray[np.int64]) -> int:
    """Values seen at a time."""
    slide = min(at_ms // SLIDE_MS, len(ends) - 1)
    before = int(ends[slide - 1]) if slide else 0
    return before + round((at_ms / SLIDE_MS - slide) * (int(ends[slide]) - before))
