"""Backtest: the job's own operators over files, without Flink. The same events in, the same drift events out."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from config.plan import ALL, SourcePlan
from operators import policy
from operators.decisions import control, offsets
from operators.decisions.outputs import Output
from operators.encoding.entries import Batch, Counts, LabelCounts
from operators.encoding.keys import JOIN, LABELS, LETTER, PERFORMANCE
from operators.file_decode import NEVER, FileDecoder
from operators.joins import Joins
from operators.labels.join_rows import pane_of
from operators.monitor import Step
from operators.monitoring.state import Key
from operators.monitors import Kept, Monitors
from operators.performance import Measured, slide_ms
from operators.performances import Performances
from operators.profiles.references import JobReferences
from operators.reading.files import list_blocks
from schemas import cloudevents, dead_letters
from schemas.dead_letters import DeadLetter
from schemas.errors import UsageError
from schemas.events import Event
from schemas.profile import Profile
from schemas.summaries import Summary

ROWS = 10_000  # of a block, as in the job: what is late depends on it


@dataclass
class Result:
    """What a backtest gives."""

    records: Counts = field(default_factory=Counts)
    labels: LabelCounts = field(default_factory=LabelCounts)
    events: list[Event] = field(default_factory=list)
    letters: list[bytes] = field(default_factory=list)  # late and dead records
    counted: int = 0  # by the monitors of whole traffic: as many as were used and not ignored


@dataclass
class _Key:
    state: bytes = b""
    ring: bytes = b""
    learned: bytes = b""
    accepted: bytes = b""
    next_ms: int | None = None
    timers: set[int] = field(default_factory=set)

    @property
    def kept(self) -> Kept:
        """As the monitor asks for it."""
        return Kept(lambda: self.state, lambda: self.ring, lambda: self.learned, lambda: self.accepted)


class Backtest:
    """One run over the file sources of a plan.

    Parameters
    ----------
    job
        The plan with its profiles.
    on_summary
        Gets each evaluated window's summary, if given.
    on_progress
        Gets the number of records after each block, if given.
    on_profile
        Gets each reference that was learned, and whose it is, if given.
    on_outputs
        Gets what each model's policy is told, before it decides, if given.
    """

    def __init__(
        self,
        job: JobReferences,
        on_summary: Callable[[Summary], None] | None = None,
        on_progress: Callable[[int], None] | None = None,
        on_profile: Callable[[Key, Profile], None] | None = None,
        on_outputs: Callable[[str, list[Output]], None] | None = None,
    ) -> None:
        self._job = job
        self._models = {model.name: model for model in job.plan.models}
        self._monitors = Monitors(job, scores=on_summary is not None)
        self._on_summary, self._on_progress, self._on_profile = on_summary, on_progress, on_profile
        self._on_outputs = on_outputs
        self._windows: dict[int, dict[str, list[bytes]]] = {}  # pane end -> key -> chunks
        self._keys: dict[str, _Key] = {}
        self._joins = Joins(job.plan)
        self._joined: dict[str, dict[str, bytes]] = {}  # state of the join by key
        self._performances = Performances(job)
        self._measured: dict[str, bytes] = {}  # state of the performance by key
        self._slides: list[tuple[int, str]] = []  # when performances are computed
        self._policies: dict[str, bytes] = {model.name: b"" for model in job.plan.models}
        self._waiting: dict[str, list[Output]] = {model.name: [] for model in job.plan.models}
        self._timers: list[tuple[int, str]] = []
        self.result = Result()

    def run(self) -> Result:
        """Read the sources to their end."""
        sources = self._job.plan.sources
        for source in sources:
            if source.path is None:
                option = "--labels" if source.kind == "labels" else "--data"
                message = f"sources.{source.name}: is a topic; a backtest reads files (give them with {option})"
                raise UsageError(message)
        self._hear()
        readers = {source.name: self._blocks(source) for source in sources}
        watermarks = {name: NEVER for name in readers}
        while readers:
            # The source that is furthest behind goes next, so that few panes are open at a time.
            name = min(readers, key=lambda n: (watermarks[n], n))
            try:
                watermarks[name] = next(readers[name])
            except StopIteration:
                del readers[name], watermarks[name]
                continue
            self._advance(min(watermarks.values()))
            if self._on_progress:
                self._on_progress(self.result.records.read)
        self._finish()
        return self.result

    def _hear(self) -> None:
        """Take what a control file says, for when its time comes."""
        place = self._job.plan.control
        if place is None or place.path is None:
            return
        source = cloudevents.source(self._job.plan.job.environment, self._job.plan.job.name)
        for one in control.told(place.path, self._models):
            if isinstance(one, DeadLetter):
                self.result.letters.append(dead_letters.encode(source, one))
                continue
            model, told = one
            self._waiting[model].append(told)
            if (asked := control.asked(told)) is not None:
                key, part = asked
                end_ms = control.pane_end(told.time_ms, self._job.plan.job.pane_ms)
                self._windows.setdefault(end_ms, {}).setdefault(key, []).append(part)

    def _blocks(self, source: SourcePlan) -> Iterator[int]:
        """Decode block after block; gives the watermark after each."""
        decoder = FileDecoder(self._job, source)
        newest_ms = NEVER
        for block in list_blocks(source, ROWS):
            entries, newest_ms = decoder.decode(block, newest_ms)
            for entry in entries:
                if entry.pane_end_ms is not None:
                    self._windows.setdefault(entry.pane_end_ms, {}).setdefault(entry.key, []).append(entry.data)
                elif entry.key[0] == LETTER:
                    self.result.letters.append(entry.data)
                elif entry.key[0] == LABELS:
                    self.result.labels.add(msgspec.json.decode(entry.data, type=LabelCounts))
                else:
                    batch = msgspec.json.decode(entry.data, type=Batch)
                    self.result.records.add(batch.counts)
                    for model, told in offsets.told(batch, None):
                        self._waiting[model].append(told)
            yield decoder.watermark(newest_ms)

    def _advance(self, watermark_ms: int) -> None:
        for end_ms in sorted(end for end in self._windows if end - 1 <= watermark_ms):
            self._tick(end_ms - 1)
            matches: list[tuple[str, bytes]] = []
            for key, parts in sorted(self._windows.pop(end_ms).items()):
                if key[0] == JOIN:
                    matches += self._join(key, parts)
                elif key[0] == PERFORMANCE:
                    matches += [(key, pane_of(part)[1]) for part in parts]
                else:
                    self._fold(key, parts)
            self._measure(end_ms, matches)
        self._tick(watermark_ms + 1)
        for model in self._policies:
            self._decide(model, watermark_ms + 1)

    def _finish(self) -> None:
        """The final watermark: the last slides are evaluated. What empty ones say, nobody hears any more."""
        ends = sorted(self._windows)
        if ends:
            self._advance(ends[-1] - 1)
        if ends:
            self._tick(ends[-1] + max(slide_ms(model.window) for model in self._models.values()))
        for key, kept in self._joined.items():
            # When time passes does not matter to what becomes of labels, so there are no timers.
            self.result.labels.add(self._joins.pass_time(key, kept, policy.MAX).counts)
        for model in self._policies:
            self._decide(model, policy.MAX - 1)

    def _fold(self, text: str, parts: list[bytes]) -> None:
        found = self._keys.setdefault(text, _Key())
        result = self._monitors.fold(text, found.kept, parts)
        assert result is not None, "all chunks were made under one configuration"
        if self._monitors.key(text).segment == ALL:
            self.result.counted += result.counted
        self._take(text, found, result)

    def _join(self, key: str, parts: list[bytes]) -> list[tuple[str, bytes]]:
        joined = self._joins.fold(key, self._joined.setdefault(key, {}), parts)
        self.result.labels.add(joined.counts)
        told = self._joins.told(key, joined)
        if told is not None:
            self._waiting[told[0]].append(told[1])
        return joined.matches

    def _measure(self, end_ms: int, matches: list[tuple[str, bytes]]) -> None:
        """Fold the matches of a pane."""
        by_key: dict[str, list[bytes]] = {}
        for key, part in matches:
            by_key.setdefault(key, []).append(part)
        for key, parts in sorted(by_key.items()):
            state = self._measured.get(key, b"")
            self._keep(key, self._performances.fold(key, state, parts, end_ms, end_ms))

    def _keep(self, key: str, measured: Measured) -> None:
        self._measured[key] = measured.state
        if measured.next_ms is not None:
            heapq.heappush(self._slides, (measured.next_ms, key))
        for change in measured.changes:
            self._waiting[change.model].append(change)
        for told in measured.beside:
            self._waiting[told.model].append(told)
        if self._on_summary:
            for summary in measured.summaries:
                self._on_summary(summary)

    def _tick(self, until_ms: int) -> None:
        while self._slides and self._slides[0][0] <= until_ms:
            time_ms, text = heapq.heappop(self._slides)
            self._keep(text, self._performances.pass_time(text, self._measured[text], time_ms))
        while self._timers and self._timers[0][0] <= until_ms:
            time_ms, text = heapq.heappop(self._timers)
            found = self._keys[text]
            found.timers.remove(time_ms)
            if found.next_ms != time_ms:
                continue
            self._take(text, found, self._monitors.pass_time(text, found.kept, time_ms))

    def _take(self, text: str, found: _Key, result: Step) -> None:
        key = self._monitors.key(text)
        found.state = result.state
        if result.ring is not None:
            found.ring = result.ring
        if result.learned is not None:
            found.learned = result.learned
        if result.accepted is not None:
            found.accepted = result.accepted
        if result.next_ms is not None and result.next_ms not in found.timers:
            found.timers.add(result.next_ms)
            heapq.heappush(self._timers, (result.next_ms, text))
        found.next_ms = result.next_ms
        if result.outputs:
            self._waiting[key.model] += result.outputs
        if result.profile is not None and self._on_profile:
            self._on_profile(key, result.profile)
        if self._on_summary:
            for summary in result.summaries:
                self._on_summary(summary)

    def _decide(self, model: str, watermark_ms: int) -> None:
        plan = self._job.plan
        before = self._policies[model]
        if self._waiting[model] and self._on_outputs:
            self._on_outputs(model, self._waiting[model])
        if self._waiting[model]:
            before = policy.add(before, self._waiting[model])  # all at once: each addition copies what is there
            self._waiting[model] = []
        state, events = policy.advance(self._models[model], plan.job, plan.configuration_id, before, watermark_ms)
        self._policies[model] = state
        self.result.events += events
