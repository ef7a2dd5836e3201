"""Monitor: what arrives, pane by pane, for one (model, version, segment): signals, sketches, detectors, alarms.

Panes are folded into slides. At the end of each slide that has records the window of the last slides is compared
with the profile; alarms that `confirm` evaluations agree on open a signal, `recover` evaluations without one close
it. What a sequential detector finds opens a signal at the end of its pane, and waits for no slide.

While a signal is open slides without records are looked at as well; otherwise the key sleeps until its next one,
and is forgotten when no window could reach its records any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from config.plan import ALL
from operators.decisions.outputs import Output, Progress, Told
from operators.encoding.chunks import Pane
from operators.encoding.codes import ABSENT
from operators.monitoring import accepting
from operators.monitoring.carrying import Carrying
from operators.monitoring.detection import Detection
from operators.monitoring.ending import ended, forgotten_ms
from operators.monitoring.evaluation import Evaluated, evaluate, open_at_once
from operators.monitoring.state import Held, Key, KeyState, Watch, pack, unpack
from operators.monitoring.track import Hit
from operators.profiles.duplicates import MOST
from operators.quality.signals import ranged_features, watches_volume
from operators.quality.stillness import follow
from operators.relations import domain_classifier as domain
from operators.sketches import drawn, sketch
from operators.sketches.seen import look
from operators.sketches.sketch import Ring, Slide
from schemas.profile import Profile
from schemas.summaries import Summary

# How long what was accepted outlives a key's records. Shorter, and a segment that pauses is compared with its profile
# again; longer, and more is kept of versions that are gone.
KEPT_MS = 90 * 86_400_000


@dataclass
class Step:
    """What a step comes to."""

    state: bytes  # b"": there is nothing to know of the key any more
    ring: bytes | None = None  # None: as it was
    outputs: list[Output] = field(default_factory=list)
    summaries: list[Summary] = field(default_factory=list)
    counted: int = 0  # records that were folded
    next_ms: int | None = None  # when the key wants to be woken, if nothing comes before
    learned: bytes | None = None  # of `learning`; None: as it was
    accepted: bytes | None = None  # of `accepting`; likewise
    profile: Profile | None = None  # that was learned in this step


def step(
    detection: Detection,
    key: Key,
    state: bytes,
    read_ring: Callable[[], bytes],
    pane: Pane | None,
    until_ms: int,
    scores: bool,
    read_accepted: Callable[[], bytes] = bytes,
    told: Sequence[Told] = (),
) -> Step:
    """Fold a pane, or let time pass, and then take what somebody tells.

    Parameters
    ----------
    detection
        Of the key's model version.
    state : bytes
        From the last step; ``b""`` before the first.
    read_ring
        Gives the key's ring; called only when a slide ends, or a change must be traced back.
    pane
        None where only time has passed.
    until_ms
        Slides that end by then are complete.
    scores
        Whether summaries are wanted.
    read_accepted
        Gives what was accepted of the key; called only where something was, or where `told` asks for it.
    told
        Commands to accept an episode, in the order of their times, at the end of a pane.

    Examples
    --------
    The same panes give the same outputs, whether time passes in small steps or in large ones, and whatever
    happens to the state between two steps; see tests/operators/test_monitor.py.
    """
    run = _Run(detection, key, state, read_ring, scores, read_accepted)
    if pane is not None:
        run.fold(pane)
    run.pass_time(until_ms)
    for one in told:
        run.hear(one, until_ms)
    return run.finish()


class _Run:
    def __init__(
        self,
        detection: Detection,
        key: Key,
        state: bytes,
        read_ring: Callable[[], bytes],
        scores: bool,
        read_accepted: Callable[[], bytes],
    ) -> None:
        self._own = detection = detection.of(key.segment)
        self._detection, self._key, self._read_ring = detection, key, read_ring
        self._accepted = read_accepted
        self._window = detection.signals.model.window
        self._scores = scores
        self._changed = self._ring_changed = False
        self._found_ring: Ring | None = None
        self._step = Step(state)
        self._state = unpack(key, state) if state else None
        if self._state is None:
            self._found_ring = Ring()
        elif self._state.made_for != detection.id:
            self._begin_again(self._state)
        if self._state is not None:
            self._detection = accepting.compared(detection, key, self._state.accepted, self._accepted)

    def _begin_again(self, old: KeyState) -> None:
        """The profile or the configuration is another one: what is unchanged goes on, the other parts begin anew."""
        self._changed = self._ring_changed = True
        carrying = Carrying.between(old.layout, self._own.parts.layout, self._key.segment)
        if carrying is not None:
            self._carry_on(old, carrying)
            return
        self._step.outputs += ended(old.watches, old.slide)
        self._state = self._fresh(old.pane_ms, old.pane_ms)
        if old.accepted:
            if accepting.is_kept(self._own, self._key, self._accepted()):
                self._state.accepted = old.accepted
            else:
                self._step.accepted = b""
        self._found_ring = Ring()

    def _carry_on(self, old: KeyState, carrying: Carrying) -> None:
        gone = carrying.state(old, self._own.tracks, str(self._key))
        self._step.outputs += ended(gone, old.slide)
        self._found_ring = Ring([carrying.slide(slide) for slide in sketch.unpack(self._read_ring()).slides])
        if old.accepted:
            kept = accepting.carried(self._own, self._key, self._accepted(), carrying)
            self._step.accepted, old.accepted = kept, accepting.id_of(kept)
            self._accepted = lambda: kept
        old.made_for, old.layout, old.before = self._own.id, self._own.parts.packed, old.layout

    def _fresh(self, first_ms: int, pane_ms: int) -> KeyState:
        tracks = self._own.tracks
        return KeyState(self._own.id, first_ms, pane_ms, 0, None, tracks.pack(tracks.start(str(self._key))))

    @property
    def _ring(self) -> Ring:
        if self._found_ring is None:
            state, slide_ms = self._state, self._window.slide_ms
            # Of a thousand keys that begin at once, each would be asked for what it cannot have.
            began = state is not None and state.slide is not None and state.first_ms >= state.slide.end_ms - slide_ms
            self._found_ring = Ring() if began else sketch.unpack(self._read_ring())
        return self._found_ring

    def fold(self, pane: Pane) -> None:
        slide_ms = self._window.slide_ms
        end_ms = -(-pane.end_ms // slide_ms) * slide_ms
        if self._state is not None and pane.end_ms <= self._state.pane_ms:
            return  # counted before a restart of the sources
        if self._ignores(pane):
            if self._state is not None:
                self._changed, self._state.pane_ms = True, pane.end_ms
            self._step.counted += len(pane)
            return
        self._changed = True
        self.pass_time(end_ms - slide_ms)
        state = self._state
        if state is None or (state.accepted and not state.records):
            first_ms, accepted = int(pane.times_ms[0]), b"" if state is None else state.accepted
            state = self._state = self._fresh(first_ms, first_ms)
            state.accepted = accepted
        state.slide = state.slide or Slide(end_ms)
        before = state.slide.records
        state.slide.fold(pane.codes, pane.sums, pane.names, self._beside(state, pane))
        if (related := self._detection.related) is not None:
            state.slide.relations = related.folded(state.slide.relations, pane.codes)
        if (classes := self._detection.by_class) is not None and self._key.segment == ALL:
            state.slide.by_class = sketch.added(state.slide.by_class, classes.counted(pane.codes))
        if self._detection.domain is not None:
            domain.sampled(state.domain, self._detection.domain, pane)
        if (drifts := self._own.drifts) is not None:
            state.slide.drawn = drawn.folded(state.slide.drawn, pane, drifts.limit)
        state.records += len(pane)
        state.pane_ms = pane.end_ms
        tracks = self._detection.during(pane.end_ms - 1)
        followed = tracks.unpack(state.tracks, str(self._key))
        given = self._detection.given(self._key.segment)
        thresholds = self._detection.slowed(state.tau).thresholds(self._key.segment, state.values_per_ms(slide_ms))
        for hit in tracks.follow(followed, pane, thresholds):
            if not given[tracks.tracks[hit.track].signal]:
                self._hold(state, hit, before)
        state.tracks = tracks.pack(followed)
        state.octaves = self._detection.stream.follow(state.octaves, pane.codes)
        state.shares = self._detection.followed.follow(state.shares, pane.codes)
        self._step.counted += len(pane)
        if pane.end_ms < end_ms and state.watches and not self._is_passed_over(state.slide):
            self._open_at_once(state, state.slide)

    def _beside(self, state: KeyState, pane: Pane) -> Sequence[int]:
        """What is counted beside the codes: values out of their ranges, then ids that came again, of so many."""
        if pane.hashes is None or not self._detection.looks_up:
            return pane.outside
        # Of several sources each may have a record of an id: those that predict are held against each other.
        names = self._detection.signals.names
        mine = pane.codes[:, names.index("prediction")] != ABSENT if "prediction" in names else slice(None)
        hashes, times_ms = pane.hashes[mine], pane.times_ms[mine]
        state.seen, again, chosen = look(state.seen, hashes, times_ms, self._window.size_ms, MOST)
        ranges = len(ranged_features(self._detection.signals.model))
        return [*(pane.outside or [0] * ranges), int(again.sum()), int(chosen.sum())]

    def _ignores(self, pane: Pane) -> bool:
        """Whether the season leaves a pane out: by its last moment, whichever records it has."""
        season = self._detection.season
        return season is not None and bool(season.calendar.ignored(np.array([pane.end_ms - 1]))[0])

    def _open_at_once(self, state: KeyState, slide: Slide) -> None:
        """At the end of a pane: open what sequential detectors have found in the slide so far."""
        alarms = self._detection.signals.model.alarms
        new = [
            position
            for position, watch in state.watches.items()
            if watch.told is None and any(held.left == alarms.confirm + alarms.recover for held in watch.held)
        ]
        if new:
            part = slide.until(state.pane_ms, self._window.slide_ms)
            ring = Ring([*self._ring.slides, part])
            detection = self._detection.slowed(state.tau, state.share_tau)
            self._step.outputs += open_at_once(detection, self._key, state, ring, part, new)

    def _is_passed_over(self, slide: Slide) -> bool:
        """Whether the season leaves out some of a slide: then nothing is evaluated."""
        season = self._detection.season
        return season is not None and season.calendar.ignores(slide.end_ms - self._window.slide_ms, slide.end_ms)

    def _hold(self, state: KeyState, hit: Hit, before: int) -> None:
        """Hold an alarm for the next evaluations. One that is held already tells the same story again."""
        alarms = self._detection.signals.model.alarms
        watch = state.watches.setdefault(self._detection.tracks.tracks[hit.track].signal, Watch())
        held = next((held for held in watch.held if held.track == hit.track), None)
        if held is None:
            held = Held(hit.track, self._traced_back(state, hit, before), hit.statistic, hit.threshold)
            watch.held.append(held)
        held.statistic, held.threshold, held.direction = hit.statistic, hit.threshold, hit.direction
        held.left = alarms.confirm + alarms.recover

    def _traced_back(self, state: KeyState, hit: Hit, before: int) -> int:
        """When the change began; ``before`` records of the slide came before the pane."""
        if not hit.before:
            return hit.onset_ms
        assert state.slide is not None, "the pane was folded into it"
        start_ms = state.slide.end_ms - self._window.slide_ms
        if hit.before <= before:
            return start_ms + round((hit.onset_ms - start_ms) * (1 - hit.before / before))
        onset_ms = self._ring.ago(hit.before - before, self._window.slide_ms)
        return state.first_ms if onset_ms is None else max(onset_ms, state.first_ms)

    def pass_time(self, until_ms: int) -> None:
        state = self._state
        while state is not None and state.slide is not None and state.slide.end_ms <= until_ms:
            self._changed = True
            slide, window = state.slide, self._window
            if slide.records:
                if self._detection.frozen and self._key.segment == ALL:
                    names = len(self._detection.signals.names)
                    state.still = follow(state.still, slide, self._detection.frozen, names, window.slide_ms)
                if self._detection.domain is not None:
                    slide.classified = domain.judged(state.domain, self._detection.domain)
                self._ring.push(slide, window.size_ms, window.grow_to_ms, window.min_count, window.previous_ms)
                self._ring.coarsen(window.slide_ms, len(self._detection.signals.names))
                self._ring_changed = True
            if not self._is_passed_over(slide):
                state.tau = self._detection.stream.told(state.octaves)
                state.share_tau = self._detection.followed.told(state.shares)
                detection = self._detection.slowed(state.tau, state.share_tau)
                self._tell(slide, evaluate(detection, self._key, state, self._ring, slide, self._scores))
            is_open = any(watch.told is not None for watch in state.watches.values())
            state.slide = Slide(slide.end_ms + window.slide_ms) if is_open else None
        if state is not None and state.slide is None and until_ms >= self._forgotten_ms(state):
            self._found_ring = Ring()
            self._changed = self._ring_changed = True
            if state.accepted and state.records:
                self._state = self._fresh(state.pane_ms, state.pane_ms)
                self._state.accepted = state.accepted
            else:
                self._step.accepted = b"" if state.accepted else None
                self._state = None

    def _forgotten_ms(self, state: KeyState) -> int:
        """When to forget a key that sleeps, and later, of one without records, what was accepted of it."""
        if state.accepted and not state.records:
            return state.pane_ms + KEPT_MS
        return forgotten_ms(self._window, state.pane_ms)

    def hear(self, told: Told, end_ms: int) -> None:
        """Take what somebody tells at the end of a pane."""
        state = self._state
        if state is None:
            self._step.outputs.append(accepting.refused(told, accepting.OVER, end_ms))
            return
        ring = self._ring
        if state.slide is not None and state.slide.records:
            ring = Ring([*ring.slides, state.slide.until(end_ms, self._window.slide_ms)])
        before = self._step.accepted if self._step.accepted is not None else self._accepted() if state.accepted else b""
        outputs, now = accepting.heard(self._own, self._key, state, ring, told, before, end_ms)
        self._step.outputs += outputs
        if now != before:
            self._changed, self._step.accepted = True, now
            self._detection = accepting.compared(self._own, self._key, state.accepted, lambda: now)

    def _tell(self, slide: Slide, evaluated: Evaluated) -> None:
        key = self._key
        if slide.records and key.segment == ALL:
            self._step.outputs.append(
                Progress(
                    time_ms=slide.end_ms,
                    model=key.model,
                    version=key.version,
                    records=slide.records,
                    role=key.role,
                    level=self._detection.level(ALL) if watches_volume(self._detection.signals.model) else 0.0,
                )
            )
        self._step.outputs += evaluated.outputs
        if evaluated.summary is not None:
            self._step.summaries.append(evaluated.summary)

    def finish(self) -> Step:
        state, result = self._state, self._step
        if self._changed:
            if state is not None and not state.layout:
                state.layout = self._own.parts.packed
            result.state = pack(state) if state is not None else b""
        if self._ring_changed:
            result.ring = sketch.pack(self._ring) if state is not None else b""
        if state is not None:
            result.next_ms = state.slide.end_ms if state.slide is not None else self._forgotten_ms(state)
        return result
