"""Tracks: the sequential detectors of a key, each following one signal in one form, value by value.

A signal is followed as its rank (location), as its spread rank |2u - 1| (numeric signals only), or, where the
configuration says ``input: raw``, as its own values. River's own detectors see raw values or ranks; what they are
shown of a boolean is 1 for true and 0 for false.

Where a signal's values follow each other, its ranks are shown as means of blocks of three tau values, in units of what
such means vary by: blocks are nearly independent, and that variance is right for their sum whatever is left. What
the last pane left of a block is kept in the state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import DetectorPlan
from operators.calibration import ALLOWANCE, PRIOR
from operators.chunks import Pane
from operators.codes import CODES, UNSEEN
from operators.detectors import adwin, page_hinkley, river
from operators.detectors.alarms import Alarms
from operators.jit import kernel
from operators.ranks import spread_ranks
from operators.values import disguised
from operators.window_tests import ReferenceTables
from schemas.profile import NumericSignal, Signal

BLOCK_TAUS = 3  # values of a block, in tau: fewer are not independent, more find changes later
BLOCK = 16_384  # columns a call: fewer cost calls, more leave the cache

RIVER_DELTA = 0.002  # river's defaults, for raw values without options of their own
RIVER_THRESHOLD = 50.0

COUNT, TOTAL = range(2)  # of an open block: how many values it has, and their sum
OPEN_FIELDS = 2

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


@dataclass(frozen=True)
class Thresholds:
    """What the tracks on ranks alarm at, by row of their bank."""

    delta: Floats  # ADWIN
    up: Floats  # Page-Hinkley, in standard deviations of the rank
    down: Floats


def _module(track: Track) -> Any:
    """Where its detector is."""
    return river if track.plan.is_river else adwin if track.detector == "adwin" else page_hinkley


class Bank:
    """Tracks of one detector on ranks, row by row: what each makes of a code is computed from the signal's rank."""

    def __init__(
        self, tracks: Sequence[int], all_tracks: Sequence[Track], tables: ReferenceTables, standard: bool
    ) -> None:
        self.tracks = list(tracks)
        chosen = [all_tracks[t] for t in tracks]
        self.signals = np.array([t.signal for t in chosen], np.int64)
        self.spread = np.array([t.form == "spread" for t in chosen], np.bool_)
        known = tables.inflation.long
        self.tau = np.where(self.spread, known.spread[self.signals], known.location[self.signals])
        self.blocks = np.where(self.tau > 1, np.ceil(BLOCK_TAUS * self.tau), 1.0)
        # The mean of a block has the variance tau / block: standardised it is the sum over the root of both.
        self.divisors = np.sqrt(self.blocks * self.tau) if standard else self.blocks
        self.ranks = tables.ranks
        self.mean, self.scale = np.zeros(len(chosen)), np.ones(len(chosen))
        if standard:
            self.mean = np.where(self.spread, tables.spread.mean[self.signals], tables.location.mean[self.signals])
            sd = np.where(self.spread, tables.spread.sd[self.signals], tables.location.sd[self.signals])
            self.scale = 1 / np.where(sd > 0, sd, 1.0)

    @property
    def values(self) -> Floats:
        """What each row shows its detector for each code, shape (rows, 256); NaN for codes without a value."""
        ranks = self.ranks[self.signals]
        ranks = np.where(self.spread[:, None], spread_ranks(ranks), ranks)
        return np.asarray((ranks - self.mean[:, None]) * self.scale[:, None], np.float64)

    @property
    def has_blocks(self) -> bool:
        """Whether any of them sees means of several values."""
        return bool((self.blocks > 1).any())


class Tracks:
    """All sequential detectors of a model version.

    Parameters
    ----------
    tracks
        In the order in which events name them.
    tables
        Of the model version's signals.
    raw_columns
        Column of a pane's raw values for each signal that has one.
    """

    def __init__(self, tracks: Sequence[Track], tables: ReferenceTables, raw_columns: dict[int, int]) -> None:
        self.tracks = tuple(tracks)
        self.alone = [i for i, t in enumerate(tracks) if t.form == "raw" or t.plan.is_river]
        ranked = [i for i in range(len(tracks)) if i not in self.alone]
        self.adwin = Bank([i for i in ranked if tracks[i].detector == "adwin"], tracks, tables, standard=False)
        self.page_hinkley = Bank([i for i in ranked if tracks[i].detector != "adwin"], tracks, tables, standard=True)
        self._ranks = tables.ranks
        self._raw_columns = raw_columns
        self._prior_mean = np.zeros(len(self.page_hinkley.tracks))
        blocks = tables.totals[self.page_hinkley.signals] / self.page_hinkley.blocks
        self._prior_weight = np.minimum(np.maximum(blocks, 1.0), PRIOR)
        self._banks = (self.adwin, self.page_hinkley)
        self._has_blocks = any(bank.has_blocks for bank in self._banks)

    @property
    def blocks(self) -> list[int]:
        """Values of a block of each track on ranks, in the order of the banks."""
        return [int(block) for bank in self._banks for block in bank.blocks]

    def start(self, key: str = "") -> list[Any]:
        """State before the first value; ``key`` is whose it is."""
        alone = [self._start(self.tracks[i], key) for i in self.alone]
        state = [adwin.start(len(self.adwin.tracks)), page_hinkley.start(len(self.page_hinkley.tracks)), *alone]
        if self._has_blocks:
            state.append(np.zeros((len(self.adwin.tracks) + len(self.page_hinkley.tracks), OPEN_FIELDS)))
        return state

    def pack(self, state: list[Any]) -> list[bytes]:
        """Bytes of a state, compact."""
        alone = [_module(self.tracks[i]).pack(s) for i, s in zip(self.alone, self._of_alone(state), strict=True)]
        blocks = [state[-1].tobytes()] if self._has_blocks else []
        return [adwin.pack(state[0]), page_hinkley.pack(state[1]), *alone, *blocks]

    def unpack(self, data: list[bytes], key: str = "") -> list[Any]:
        """The state that `pack` made into bytes; ``key`` is whose it is."""
        alone = [self._unpack(self.tracks[i], d, key) for i, d in zip(self.alone, self._of_alone(data), strict=True)]
        blocks = [np.frombuffer(data[-1]).reshape(-1, OPEN_FIELDS).copy()] if self._has_blocks else []
        return [
            adwin.unpack(data[0], len(self.adwin.tracks)),
            page_hinkley.unpack(data[1], len(self.page_hinkley.tracks)),
            *alone,
            *blocks,
        ]

    def _of_alone(self, state: list[Any]) -> list[Any]:
        return state[2 : 2 + len(self.alone)]

    @staticmethod
    def _start(track: Track, key: str) -> Any:
        return river.start(track.plan, f"{key} {track.followed}") if track.plan.is_river else _module(track).start(1)

    @staticmethod
    def _unpack(track: Track, data: bytes, key: str) -> Any:
        if track.plan.is_river:
            return river.unpack(data, track.plan, f"{key} {track.followed}")
        return _module(track).unpack(data, 1)

    def follow(self, state: list[Any], pane: Pane, thresholds: Thresholds) -> list[Hit]:
        """Show the tracks a pane's records, in order; ``state`` is updated in place."""
        hits: list[Hit] = []
        for bank, step in ((self.adwin, self._adwin), (self.page_hinkley, self._page_hinkley)):
            if not bank.tracks:
                continue
            found = _Found()
            seen = np.zeros(len(bank.tracks), np.int64)
            left = self._open(state, bank)
            before = left[:, COUNT].copy()
            for first in range(0, len(pane), BLOCK):
                codes = pane.codes[first : first + BLOCK]
                values = np.empty((len(bank.tracks), len(codes)))
                lengths = np.empty(len(bank.tracks), np.int64)
                shown = (codes, bank.signals, bank.ranks, bank.spread, bank.mean, bank.scale)
                if bank.has_blocks:
                    _gather_means(*shown, bank.blocks, bank.divisors, left, values, lengths)
                else:
                    _gather(*shown, values, lengths)
                found.add(step(values, lengths, state, thresholds), seen)
                seen += lengths
            for row, alarmed in found.rows.items():
                alarmed.in_values(int(bank.blocks[row]), int(before[row]))
                has_value = np.isfinite(bank.ranks[bank.signals[row]])[pane.codes[:, bank.signals[row]]]
                hits.append(alarmed.hit(bank.tracks[row], np.flatnonzero(has_value), pane))
        for number, one in zip(self.alone, self._of_alone(state), strict=True):
            track = self.tracks[number]
            follow = self._follow_river if track.plan.is_river else self._follow_raw
            hits += follow(track, number, one, pane)
        return sorted(hits, key=lambda hit: hit.track)

    def _open(self, state: list[Floats], bank: Bank) -> Floats:
        """Open blocks of a bank's tracks, to be updated in place."""
        if not self._has_blocks:
            return np.zeros((len(bank.tracks), OPEN_FIELDS))
        ends = len(self.adwin.tracks)
        return state[-1][:ends] if bank is self.adwin else state[-1][ends:]

    def _adwin(self, values: Floats, lengths: npt.NDArray[np.int64], state: list[Floats], at: Thresholds) -> Alarms:
        return adwin.adwin(values, lengths, state[0], at.delta, keep=True)

    def _page_hinkley(
        self, values: Floats, lengths: npt.NDArray[np.int64], state: list[Floats], at: Thresholds
    ) -> Alarms:
        return page_hinkley.page_hinkley(
            values,
            lengths,
            state[1],
            ALLOWANCE,
            at.up,
            at.down,
            prior_mean=self._prior_mean,
            prior_weight=self._prior_weight,
        )

    def _follow_raw(self, track: Track, number: int, state: Floats, pane: Pane) -> list[Hit]:
        column = pane.raw[:, self._raw_columns[track.signal]]
        valid = np.flatnonzero(np.isfinite(column))
        values = np.ascontiguousarray(column[valid])[None, :]
        lengths = np.array([values.shape[1]], np.int64)
        options = track.plan.options
        if track.detector == "adwin":
            delta = np.array([float(options.get("delta", RIVER_DELTA))])
            alarms = adwin.adwin(values, lengths, state, delta, keep=options.get("reset") != "river")
        else:
            limit = np.array([track.plan.threshold if track.plan.threshold is not None else RIVER_THRESHOLD])
            alarms = page_hinkley.page_hinkley(
                values,
                lengths,
                state,
                float(options.get("delta", page_hinkley.DELTA)),
                limit,
                limit.copy(),
                fading=float(options.get("alpha", page_hinkley.FADING)),
                min_count=int(options.get("min_instances", page_hinkley.MIN_COUNT)),
            )
        found = _Found()
        found.add(alarms, np.zeros(1, np.int64))
        return [alarmed.hit(number, valid, pane) for alarmed in found.rows.values()]

    def _follow_river(self, track: Track, number: int, detector: Any, pane: Pane) -> list[Hit]:
        table = track.truths if track.form == "raw" else self._ranks[track.signal]
        values = pane.raw[:, self._raw_columns[track.signal]] if table is None else table[pane.codes[:, track.signal]]
        valid = np.flatnonzero(np.isfinite(values))
        alarms = river.update(detector, values[valid].tolist(), track.detector)
        if not alarms:
            return []
        time_ms = int(pane.times_ms[valid[alarms[0]]])
        return [
            Hit(number, len(alarms), time_ms, onset_ms=time_ms, before=0.0, statistic=float(len(alarms)), threshold=0.0)
        ]


@dataclass
class _Alarmed:
    """Alarms of a row in a pane: where the first was and how long its change had lasted; and the last."""

    position: int
    since: int
    alarms: int
    statistic: float
    threshold: float

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
        )


class _Found:
    """Alarms of a pane's parts, by row."""

    def __init__(self) -> None:
        self.rows: dict[int, _Alarmed] = {}

    def add(self, alarms: Alarms, seen: npt.NDArray[np.int64]) -> None:
        """Take in a part's alarms; ``seen`` values of each row came before the part."""
        if not len(alarms):
            return
        rows, starts, counts = np.unique(alarms.signal, return_index=True, return_counts=True)
        for row, start, count in zip(rows.tolist(), starts.tolist(), counts.tolist(), strict=True):
            last = start + count - 1
            statistic, threshold = float(alarms.statistic[last]), float(alarms.threshold[last])
            known = self.rows.get(row)
            if known is None:
                position = int(seen[row] + alarms.position[start])
                self.rows[row] = _Alarmed(position, int(alarms.since[start]), count, statistic, threshold)
            else:
                known.alarms += count
                known.statistic, known.threshold = statistic, threshold


@kernel
def _gather(codes, signals, ranks, spread, mean, scale, values, lengths):  # type: ignore[no-untyped-def]
    for row in range(signals.shape[0]):
        signal = signals[row]
        used = 0
        for i in range(codes.shape[0]):
            value = _shown(ranks[signal, codes[i, signal]], spread[row], mean[row], scale[row])
            # Written always, kept only where the code has a value: no branch to guess wrong.
            values[row, used] = value
            used += 1 if np.isfinite(value) else 0
        lengths[row] = used


@kernel
def _gather_means(  # type: ignore[no-untyped-def]
    codes, signals, ranks, spread, mean, scale, blocks, divisors, left, values, lengths
):
    for row in range(signals.shape[0]):
        signal = signals[row]
        used = 0
        count, total = left[row, COUNT], left[row, TOTAL]
        for i in range(codes.shape[0]):
            value = _shown(ranks[signal, codes[i, signal]], spread[row], mean[row], scale[row])
            if np.isfinite(value):
                count += 1.0
                total += value
                if count == blocks[row]:
                    values[row, used] = total / divisors[row]
                    used += 1
                    count = total = 0.0
        left[row, COUNT], left[row, TOTAL] = count, total
        lengths[row] = used


@kernel
def _shown(rank, spread, mean, scale):  # type: ignore[no-untyped-def]
    return ((abs(2.0 * rank - 1.0) if spread else rank) - mean) * scale
