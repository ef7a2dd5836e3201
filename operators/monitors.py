"""Monitors: from the chunks of a key's pane, and what is kept of the key, to the monitor's step.

Decode gives codes where the version has a profile, and values where it learns one; see learning.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from config.plan import ALL
from operators import monitor
from operators.decisions import control
from operators.decisions.outputs import Learned, Output, Progress, Told
from operators.encoding import chunks, value_chunks
from operators.encoding.chunks import Pane
from operators.encoding.keys import split_key
from operators.encoding.value_chunks import ValuePane
from operators.monitor import Step
from operators.monitoring import accepting, ending
from operators.monitoring.carrying import Carrying
from operators.monitoring.detection import Detection
from operators.monitoring.state import Key, unpack
from operators.profiles import learning
from operators.profiles.learning import LearnedCoder, LearnedState
from operators.profiles.references import JobReferences, ModelSignals, References
from operators.profiles.unprofiled import Unprofiled
from operators.quality import expectations, field_samples, rules, schema_changes
from operators.quality.expectations import Expectations
from operators.quality.field_reference import FieldReference, field_reference
from operators.quality.field_samples import FIELDS
from operators.quality.rules import EXPECT
from operators.quality.schema_changes import SchemaChanges
from operators.quality.signals import watches_volume
from operators.quality.windows import quality_many
from schemas.profile import Profile

MOST = 256  # learned references ready for use, about 20 KB a signal each; others are made anew from the key's state


@dataclass(frozen=True)
class Kept:
    """What is kept of a key, read when it is asked for; no bytes where there is nothing."""

    state: Callable[[], bytes]
    ring: Callable[[], bytes]
    learned: Callable[[], bytes]
    accepted: Callable[[], bytes] = bytes


@dataclass(frozen=True)
class _Learned:
    detection: Detection
    coder: LearnedCoder


class Monitors:
    """The monitors of all keys of a worker.

    Parameters
    ----------
    job
        The plan with its profiles.
    scores
        Whether summaries are wanted.
    """

    def __init__(self, job: JobReferences, *, scores: bool) -> None:
        self._references = References(job)
        self._pane_ms = job.plan.job.pane_ms
        self._scores = scores
        self._detections: dict[int, Detection] = {}
        self._learned: dict[str, _Learned] = {}
        self._keys: dict[str, Key] = {}
        self._expected: dict[int, Expectations] = {}
        self._fields: dict[int, SchemaChanges | None] = {}

    def key(self, text: str) -> Key:
        """A key from its text."""
        found = self._keys.get(text)
        if found is None:
            found = self._keys[text] = Key(*split_key(text))  # type: ignore[arg-type]  # the role was read as one
        return found

    def fold(self, text: str, kept: Kept, parts: Sequence[bytes]) -> Step | None:
        """Fold what a key's pane has; None if all of it are chunks that were made under another configuration."""
        parts, told = control.apart(parts)
        if not told:
            return self._fold(text, kept, parts)
        end_ms = control.pane_end(told[-1].time_ms, self._pane_ms)
        step = (self._fold(text, kept, parts) if parts else None) or self.pass_time(text, kept, end_ms)
        return self._hear(text, kept, step, told, end_ms)

    def _hear(self, text: str, kept: Kept, step: Step, told: Sequence[Told], end_ms: int) -> Step:
        """Let the monitor take what it is told, after the records of the pane."""
        key, signals = self.key(text), self._signals(text)
        detection = None
        if isinstance(signals, Unprofiled):
            learned = self._state(signals, text, kept) if step.learned is None else None
            if learned is not None and learned.profile:
                detection = self._known(signals, text, learned).detection
        elif signals is not None:
            detection = self._detection(signals)
        if detection is None:
            step.outputs += [accepting.refused(one, "there is no reference yet", end_ms) for one in told]
            return step
        ring = kept.ring if step.ring is None else lambda: step.ring or b""
        heard = monitor.step(detection, key, step.state, ring, None, end_ms, self._scores, kept.accepted, told)
        step.state, step.next_ms = heard.state, heard.next_ms
        step.accepted = step.accepted if heard.accepted is None else heard.accepted
        step.outputs += heard.outputs
        return step

    def _fold(self, text: str, kept: Kept, parts: Sequence[bytes]) -> Step | None:
        if self.key(text).segment == EXPECT:
            return self._fold_facts(text, kept, parts)
        if self.key(text).segment == FIELDS:
            return self._fold_fields(text, kept, parts)
        signals = self._signals(text)
        if signals is None:
            return None
        if isinstance(signals, Unprofiled):
            parts = chunks.with_meaning(parts, signals.meaning)
            return self._fold_values(signals, text, kept, value_chunks.decode(parts, self._pane_ms)) if parts else None
        key, detection = self.key(text), self._detection(signals)
        parts = self._understood(parts, key, detection, kept)
        if not parts:
            return None
        pane = chunks.decode(parts, self._pane_ms, hashes=detection.wants_hashes and key.segment == ALL)
        return self._step(detection, text, kept, pane, pane.end_ms)

    def _understood(self, parts: Sequence[bytes], key: Key, detection: Detection, kept: Kept) -> list[bytes]:
        """Chunks as they are coded now; of those from before the key's layout changed what is unchanged."""
        found = chunks.with_meaning(parts, detection.signals.meaning)
        if len(found) < len(parts) and (data := kept.state()):
            state, new = unpack(key, data), detection.of(key.segment).parts.layout
            for layout in (state.layout, state.before):
                carrying = Carrying.between(layout, new, key.segment)
                if carrying is not None and carrying.meaning != new.meaning:
                    found += [carrying.chunk(part) for part in chunks.with_meaning(parts, carrying.meaning)]
        return found

    def _step(self, detection: Detection, text: str, kept: Kept, pane: Pane | None, until_ms: int) -> Step:
        key, state = self.key(text), kept.state()
        return monitor.step(detection, key, state, kept.ring, pane, until_ms, self._scores, kept.accepted)

    def pass_time(self, text: str, kept: Kept, until_ms: int) -> Step:
        """Let time pass for a key that got nothing."""
        signals, key = self._signals(text), self.key(text)
        if key.segment == EXPECT:
            expected = self._expectations(text)
            return (
                expectations.retire(key, kept.state())
                if expected is None
                else expected.step(key, kept.state(), None, until_ms)
            )
        if key.segment == FIELDS:
            watched = self._schema(text)
            return (
                schema_changes.retire(key, kept.state())
                if watched is None
                else watched.step(key, kept.state(), None, until_ms)
            )
        if signals is None:
            # The configuration knows the key no more; its model may have no policy either, which then says nothing.
            return Step(b"", b"", ending.retire(key, kept.state()), learned=b"", accepted=b"")
        if isinstance(signals, Unprofiled):
            return self._pass_learned(signals, text, kept, until_ms)
        step = self._step(self._detection(signals), text, kept, None, until_ms)
        step.learned = None if step.state else b""  # from a time when the version had no profile
        return step

    def _fold_facts(self, text: str, kept: Kept, parts: Sequence[bytes]) -> Step | None:
        expected = self._expectations(text)
        if expected is None:
            return None
        parts = chunks.with_meaning(parts, expected.meaning)
        if not parts:
            return None
        pane = rules.decode(parts, len(expected.rules))
        return expected.step(self.key(text), kept.state(), pane, pane[0])

    def _fold_fields(self, text: str, kept: Kept, parts: Sequence[bytes]) -> Step | None:
        watched = self._schema(text)
        parts = [] if watched is None else chunks.with_meaning(parts, watched.meaning)
        if watched is None or not parts:
            return None
        pane = field_samples.decode(parts)
        return watched.step(self.key(text), kept.state(), pane, pane[0])

    def _schema(self, text: str) -> SchemaChanges | None:
        """Of a model version; None where its fields are compared with nothing."""
        signals = self._signals(text)
        if not isinstance(signals, ModelSignals):
            return None
        if id(signals) not in self._fields:
            reference = field_reference(signals.model, signals.profile, self._references.plan.sources)
            made = None
            if isinstance(reference, FieldReference):
                detection = self._detection(signals)
                about = signals.profile_id, quality_many(detection)
                made = SchemaChanges(signals.model, reference, detection.level(ALL), *about)
            self._fields[id(signals)] = made
        return self._fields[id(signals)]

    def _expectations(self, text: str) -> Expectations | None:
        """Of a model version; None where nothing is expected of it."""
        signals = self._signals(text)
        if signals is None or not rules.rules_of(signals.model):
            return None
        if id(signals) not in self._expected:
            many = len(rules.rules_of(signals.model))
            if isinstance(signals, Unprofiled):
                found = Expectations(signals.model, ("", "learned"), many)
            else:
                many = quality_many(self._detection(signals))
                found = Expectations(signals.model, (signals.profile_id, "profile"), many)
            self._expected[id(signals)] = found
        return self._expected[id(signals)]

    def _signals(self, text: str) -> ModelSignals | Unprofiled | None:
        key = self.key(text)
        return self._references.find(key.model, key.version) if key.model in self._references.models else None

    def _detection(self, signals: ModelSignals) -> Detection:
        found = self._detections.get(id(signals))
        if found is None:
            found = self._detections[id(signals)] = Detection(signals)
        return found

    def _fold_values(self, signals: Unprofiled, text: str, kept: Kept, pane: ValuePane) -> Step:
        state = kept.state()
        if state and text in self._learned:
            return self._watch(self._learned[text], text, kept, pane)
        learned = self._state(signals, text, kept)
        before = []
        if learned is None:
            learned = LearnedState(signals.meaning)
            before = ending.retire(self.key(text), state)  # under another configuration
            kept = Kept(lambda: b"", lambda: b"", kept.learned)
        if pane.end_ms <= learned.pane_ms:
            return Step(state)  # counted before a restart of the sources
        step = self._learn(signals, text, kept, learned, pane)
        step.outputs[:0] = before
        return step

    def _learn(self, signals: Unprofiled, text: str, kept: Kept, learned: LearnedState, pane: ValuePane) -> Step:
        if learned.profile:
            return self._watch(self._known(signals, text, learned), text, kept, pane)
        key, plan = self.key(text), signals.model.learn
        assert plan is not None, "versions without a profile are learned"
        count = min(plan.records - learned.records, len(pane))
        learning.gather(learned, pane.part(slice(count)))
        if learned.records < plan.records:
            learned.forget_ms = ending.forgotten_ms(signals.model.window, pane.end_ms)
            told = self._progress(signals, key, pane.end_ms, count)
            return Step(b"", b"", told, counted=count, next_ms=learned.forget_ms, learned=learning.pack(learned))
        made = learning.learn(signals, key, learned)
        found = self._known(signals, text, learned)
        said = Learned(
            time_ms=pane.end_ms,
            model=key.model,
            version=key.version,
            role=key.role,
            segment=key.segment,
            profile_id=made.id,
            records=learned.records,
            signals=len(found.detection.signals.names),
            start=str(made.provenance.start),
            end=str(made.provenance.end),
        )
        if count < len(pane):
            step = self._watch(found, text, kept, pane.part(slice(count, None)))
        else:
            learned.forget_ms = pane.end_ms + learning.KEPT_MS
            step = Step(b"", next_ms=learned.forget_ms)
        step.ring = step.ring or b""
        step.outputs[:0] = [said, *self._progress(signals, key, pane.end_ms, count)]
        step.counted += count
        step.learned, step.profile = learning.pack(learned), made
        return step

    def _progress(self, signals: Unprofiled, key: Key, end_ms: int, records: int) -> list[Output]:
        """What a pane that is learned from has of its slide: the model gets records, though none are judged yet."""
        slide_ms = signals.model.window.slide_ms
        time_ms = -(-end_ms // slide_ms) * slide_ms
        counted = Progress(time_ms=time_ms, model=key.model, version=key.version, records=records, role=key.role)
        return [counted] if key.segment == ALL and records and watches_volume(signals.model) else []

    def _watch(self, found: _Learned, text: str, kept: Kept, pane: ValuePane) -> Step:
        return self._step(found.detection, text, kept, found.coder.pane(pane), pane.end_ms)

    def _pass_learned(self, signals: Unprofiled, text: str, kept: Kept, until_ms: int) -> Step:
        state = kept.state()
        learned = self._state(signals, text, kept)
        if learned is None:
            return Step(b"", b"", ending.retire(self.key(text), state), learned=b"", accepted=b"")
        if state:
            detection = self._known(signals, text, learned).detection
            step = self._step(detection, text, kept, None, until_ms)
            if not step.state:
                learned.forget_ms = step.next_ms = until_ms + learning.KEPT_MS
                step.learned = learning.pack(learned)
            return step
        if learned.forget_ms is not None and until_ms >= learned.forget_ms:
            self._learned.pop(text, None)
            return Step(b"", b"", learned=b"")
        return Step(state, next_ms=learned.forget_ms)

    def _state(self, signals: Unprofiled, text: str, kept: Kept) -> LearnedState | None:
        """What is known of a key's reference; None if that is nothing, or was learned of other signals."""
        data = kept.learned()
        found = learning.unpack(self.key(text), data) if data else None
        return found if found is not None and found.meaning == signals.meaning else None

    def _known(self, signals: Unprofiled, text: str, learned: LearnedState) -> _Learned:
        found = self._learned.get(text)
        if found is None:
            if len(self._learned) >= MOST:
                del self._learned[next(iter(self._learned))]
            made = msgspec.json.decode(learned.profile, type=Profile)
            own = ModelSignals(signals.model, made, learned=True)
            found = self._learned[text] = _Learned(Detection(own), LearnedCoder(signals, own))
        return found
