"""Monitor: what arrives, pane by pane, for one (model, version, segment): signals, sketches, detectors, alarms.

Panes are folded into slides. At the end of each slide the window of the last slides is compared with the
profile; alarms that `confirm` evaluations agree on open a signal, `recover` evaluations without one close it.
A slide without records is evaluated as well, until the window is empty and nothing is open.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from config.plan import ALL
from operators import sketch
from operators.chunks import Pane
from operators.detection import Detection
from operators.evaluation import Evaluated, evaluate
from operators.outputs import Output, Progress
from operators.sketch import Ring, Slide
from operators.state import Held, KeyState, Watch, pack, unpack
from operators.tracks import Hit
from schemas.events import Role
from schemas.summaries import Summary


@dataclass(frozen=True)
class Key:
    """Whose records they are."""

    model: str
    version: str
    role: Role
    segment: str


@dataclass
class Step:
    """What a step comes to."""

    state: bytes
    ring: bytes | None = None  # None: as it was
    outputs: list[Output] = field(default_factory=list)
    summaries: list[Summary] = field(default_factory=list)
    counted: int = 0  # records that were folded
    next_ms: int | None = None  # when the key wants to be woken, if nothing comes before


def step(
    detection: Detection,
    key: Key,
    state: bytes,
    read_ring: Callable[[], bytes],
    pane: Pane | None,
    until_ms: int,
    scores: bool,
) -> Step:
    """Fold a pane, or let time pass.

    Parameters
    ----------
    detection
        Of the key's model version.
    state : bytes
        From the last step; ``b""`` before the first.
    read_ring
        Gives the key's ring; called only when a slide ends.
    pane
        None where only time has passed.
    until_ms
        Slides that end by then are complete.
    scores
        Whether summaries are wanted.

    Examples
    --------
    The same panes give the same outputs, whether time passes in small steps or in large ones, and whatever
    happens to the state between two steps; see tests/operators/test_monitor.py.
    """
    run = _Run(detection, key, state, read_ring, scores)
    if pane is not None:
        run.fold(pane)
    run.pass_time(until_ms)
    return run.finish()


class _Run:
    def __init__(
        self, detection: Detection, key: Key, state: bytes, read_ring: Callable[[], bytes], scores: bool
    ) -> None:
        self._detection, self._key, self._read_ring = detection, key, read_ring
        self._window = detection.signals.model.window
        self._plan_id = detection.signals.plan_id
        self._state = unpack(self._plan_id, f"{key.model}/{key.version}/{key.segment}", state) if state else None
        # State of another profile has nothing to say; what was open under it is closed by the policy.
        self._fresh = self._state is None
        self._ring: Ring | None = Ring() if self._fresh else None
        self._scores = scores
        self._changed = self._ring_changed = False
        self._step = Step(state)

    def fold(self, pane: Pane) -> None:
        slide_ms = self._window.slide_ms
        end_ms = -(-pane.end_ms // slide_ms) * slide_ms
        state = self._state
        if state is None:
            tracks = self._detection.tracks
            start_ms = pane.end_ms - self._pane_ms()
            state = self._state = KeyState(start_ms, start_ms, 0, None, tracks.pack(tracks.start()))
        if pane.end_ms <= state.pane_ms:
            return  # counted before a restart of the sources
        self._changed = True
        self.pass_time(end_ms - slide_ms)
        if state.slide is None:
            state.slide = Slide(end_ms)
        state.slide.fold(pane.codes, pane.sums)
        state.records += len(pane)
        state.pane_ms = pane.end_ms
        span_ms = pane.end_ms - state.first_ms
        tracks = self._detection.tracks
        followed = tracks.unpack(state.tracks)
        thresholds = self._detection.thresholds(self._key.segment, state.records / span_ms)
        for hit in tracks.follow(followed, pane, thresholds, span_ms / state.records):
            self._hold(state, hit)
        state.tracks = tracks.pack(followed)
        self._step.counted += len(pane)

    def _pane_ms(self) -> int:
        return 1  # the first pane's own length does not matter: a rate is an average over many

    def _hold(self, state: KeyState, hit: Hit) -> None:
        alarms = self._detection.signals.model.alarms
        signal = self._detection.tracks.tracks[hit.track].signal
        watch = state.watches.setdefault(signal, Watch())
        watch.held = [held for held in watch.held if held.track != hit.track]
        watch.held.append(
            Held(hit.track, hit.onset_ms, hit.statistic, hit.threshold, left=alarms.confirm + alarms.recover)
        )

    def pass_time(self, until_ms: int) -> None:
        state = self._state
        while state is not None and state.slide is not None and state.slide.end_ms <= until_ms:
            self._changed = True
            if self._ring is None:
                self._ring = sketch.unpack(self._read_ring())
            slide, ring, window = state.slide, self._ring, self._window
            ring.push(slide, window.size_ms, window.grow_to_ms, window.min_count)
            self._ring_changed = self._ring_changed or slide.records > 0
            evaluated = evaluate(self._detection, self._key, state, ring, slide, self._scores)
            self._tell(slide, evaluated)
            asleep = evaluated.within == 0 and not state.watches
            state.slide = None if asleep else Slide(slide.end_ms + window.slide_ms)

    def _tell(self, slide: Slide, evaluated: Evaluated) -> None:
        key = self._key
        if slide.records and key.segment == ALL:
            self._step.outputs.append(Progress(time_ms=slide.end_ms, model=key.model, version=key.version))
        self._step.outputs += evaluated.changes
        if evaluated.summary is not None:
            self._step.summaries.append(evaluated.summary)

    def finish(self) -> Step:
        state, result = self._state, self._step
        if state is not None and (self._changed or self._fresh):
            result.state = pack(self._plan_id, state)
        if self._ring is not None and (self._ring_changed or self._fresh):
            result.ring = sketch.pack(self._ring)
        if state is not None and state.slide is not None:
            result.next_ms = state.slide.end_ms
        return result
