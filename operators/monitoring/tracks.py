"""Tracks: the sequential detectors of a key, each following one signal in one form, value by value.

A signal is followed as its rank (location), as its spread rank |2u - 1| (numeric signals only), or, where the
configuration says ``input: raw`` or names a detector of river, outside the budget (raw_tracks.py). Page-Hinkley is
shown normal scores of the ranks, and their squares for spread: it finds normal values' shifts a tenth sooner so, and
their spread in half the time (Klotz 1962, doi:10.1214/aoms/1177704576).

Where a signal's values follow each other, its ranks are shown as means of blocks of three tau values, in units of what
such means vary by: blocks are nearly independent, and that variance is right for their sum whatever is left. What
the last pane left of a block is kept in the state.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from operators.calibration import ALLOWANCE, OTHER, PRIOR, constant_threshold, page_hinkley_threshold, tilts
from operators.detectors import adwin, page_hinkley
from operators.detectors.alarms import Alarms
from operators.encoding.chunks import Pane
from operators.jit import kernel
from operators.monitoring import raw_tracks
from operators.monitoring.track import Found, Hit, Track
from operators.monitoring.window_tests import ReferenceTables
from operators.statistics.ranks import moment_rows, normal_scores, spread_ranks

BLOCK_TAUS = 3  # values of a block, in tau: fewer are not independent, more find changes later
BLOCK = 16_384  # columns a call: fewer cost calls, more leave the cache

RANK, SPREAD, SCORE, SQUARE = range(4)  # what a row shows of a rank: itself, |2u - 1|, its normal score, that squared
COUNT, TOTAL = range(2)  # of an open block: how many values it has, and their sum
OPEN_FIELDS = 2

Floats = npt.NDArray[np.float64]


def block_length(tau: float) -> int:
    """Values whose mean a sequential detector is shown.

    >>> block_length(1.0), block_length(18.4)
    (1, 56)
    """
    return math.ceil(BLOCK_TAUS * tau) if tau > 1 else 1


@dataclass(frozen=True)
class Thresholds:
    """What the tracks on ranks alarm at, by row of their bank."""

    delta: Floats  # ADWIN
    up: Floats  # Page-Hinkley, in standard deviations of the rank
    down: Floats


class Bank:
    """Tracks of one detector on ranks, row by row: what each makes of a code is computed from the signal's rank."""

    def __init__(
        self,
        tracks: Sequence[int],
        all_tracks: Sequence[Track],
        tables: ReferenceTables,
        always: ReferenceTables,
        standard: bool,
    ) -> None:
        self.tracks = list(tracks)
        chosen = [all_tracks[t] for t in tracks]
        self.signals = np.array([t.signal for t in chosen], np.int64)
        self.spread = np.array([t.form == "spread" for t in chosen], np.bool_)
        known = tables.inflation.long
        self.tau = np.where(self.spread, known.spread[self.signals], known.location[self.signals])
        self.blocks = np.array([block_length(tau) for tau in self.tau.tolist()], np.float64)
        # The mean of a block has the variance tau / block: standardised it is the sum over the root of both.
        self.divisors = np.sqrt(self.blocks * self.tau) if standard else self.blocks
        # Of values that follow each other it is known how closely their ranks do, not their scores.
        scored = np.full(len(tables.totals), standard) & tables.numeric & ~always.inflation.dependent
        self.forms = np.where(scored[self.signals], SCORE, RANK) + self.spread
        self.counts = always.totals[self.signals]
        one = (always.counts > 0).sum(axis=1) == 1
        self.is_constant = one[self.signals] & (self.blocks == 1)  # and so has no deviation: others count for OTHER
        self.is_smooth = always.even[self.signals] & (self.blocks == 1)  # sums of them go beyond any threshold
        self.ranks = np.where(scored[:, None], normal_scores(tables.ranks), tables.ranks) if standard else tables.ranks
        self.mean, self.scale = np.zeros(len(chosen)), np.ones(len(chosen))
        if tables is not always:  # the mean of spread ranks is not the same in all parts of a season
            moved = tables.spread.mean - always.spread.mean
            self.mean = np.where(self.spread, moved[self.signals], 0.0)
        if standard:
            self.mean, sd = moment_rows(tables.counts[self.signals], self._shown)
            sd = np.where(self.is_constant, np.nanmax(np.abs(self._shown - self.mean[:, None]), axis=1) / OTHER, sd)
            self.scale = 1 / np.where(sd > 0, sd, 1.0)

    @property
    def values(self) -> Floats:
        """What each row shows its detector for each code, shape (rows, 256); NaN for codes without a value."""
        return np.asarray((self._shown - self.mean[:, None]) * self.scale[:, None], np.float64)

    @property
    def _shown(self) -> Floats:
        ranks, forms = self.ranks[self.signals], self.forms[:, None]
        return np.where(forms == SPREAD, spread_ranks(ranks), np.where(forms == SQUARE, ranks**2, ranks))

    def tilts(self, reference: Floats) -> tuple[Floats, Floats]:
        """How fast high sums of each row get rare, upwards and downwards, see `calibration.tilts`.

        Parameters
        ----------
        reference : float64, shape (signals, 256)
            Counts by code.
        """
        counts = reference[self.signals]
        # A block has as many independent values as it is taus long: so many, each standing for tau equal ones, are
        # the most skewed it can be. The sum of r values over its deviation has root r times their tilt at k / root r.
        roots = np.sqrt(self.blocks / self.tau)
        allowance = ALLOWANCE / roots
        up, down = (roots * tilts(counts, values, allowance) for values in (self.values, -self.values))
        return up, down

    def thresholds(self, between: Floats, up: Floats, down: Floats, tau: Floats) -> tuple[Floats, Floats]:
        """Page-Hinkley's of each row, upwards and downwards.

        Parameters
        ----------
        between : float64, shape (rows,)
            Values, or blocks, between false alarms.
        up, down : float64, shape (rows,)
            From `tilts`.
        tau : float64, shape (rows,)
            Of so many equal values in a row high sums get rare so many times as slowly.
        """
        found = [page_hinkley_threshold(between, tilt / tau) for tilt in (up, down)]
        if self.is_constant.any():
            alone = tau * constant_threshold(between, np.maximum(self.counts, 1.0))
            for side, values in zip(found, (self.values, -self.values), strict=True):
                able = self.is_constant & (values > 0).any(axis=1)
                side[able] = alone[able]
        return found[0], found[1]

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
    always
        Where the tables are of a part of a season: those of all parts.
    """

    def __init__(
        self,
        tracks: Sequence[Track],
        tables: ReferenceTables,
        raw_columns: dict[int, int],
        always: ReferenceTables | None = None,
    ) -> None:
        always = tables if always is None else always
        self.tracks = tuple(tracks)
        self.alone = [i for i, t in enumerate(tracks) if t.form == "raw" or t.plan.is_river]
        ranked = [i for i in range(len(tracks)) if i not in self.alone]
        self.adwin = Bank([i for i in ranked if tracks[i].detector == "adwin"], tracks, tables, always, False)
        self.page_hinkley = Bank([i for i in ranked if tracks[i].detector != "adwin"], tracks, tables, always, True)
        self._ranks = tables.ranks
        self._raw_columns = raw_columns
        self._prior_mean = np.zeros(len(self.page_hinkley.tracks))
        blocks = always.totals[self.page_hinkley.signals] / self.page_hinkley.blocks
        self._prior_weight = np.minimum(np.maximum(blocks, 1.0), PRIOR)
        self._banks = (self.adwin, self.page_hinkley)
        self._has_blocks = any(bank.has_blocks for bank in self._banks)

    @property
    def blocks(self) -> list[int]:
        """Values of a block of each track on ranks, in the order of the banks."""
        return [int(block) for bank in self._banks for block in bank.blocks]

    def start(self, key: str = "") -> list[Any]:
        """State before the first value; ``key`` is whose it is."""
        alone = [raw_tracks.start(self.tracks[i], key) for i in self.alone]
        state = [adwin.start(len(self.adwin.tracks)), page_hinkley.start(len(self.page_hinkley.tracks)), *alone]
        if self._has_blocks:
            state.append(np.zeros((len(self.adwin.tracks) + len(self.page_hinkley.tracks), OPEN_FIELDS)))
        return state

    def pack(self, state: list[Any]) -> list[bytes]:
        """Bytes of a state, compact."""
        alone = [raw_tracks.pack(self.tracks[i], s) for i, s in zip(self.alone, self._of_alone(state), strict=True)]
        blocks = [state[-1].tobytes()] if self._has_blocks else []
        return [adwin.pack(state[0]), page_hinkley.pack(state[1]), *alone, *blocks]

    def unpack(self, data: list[bytes], key: str = "") -> list[Any]:
        """The state that `pack` made into bytes; ``key`` is whose it is."""
        alone = [
            raw_tracks.unpack(self.tracks[i], d, key) for i, d in zip(self.alone, self._of_alone(data), strict=True)
        ]
        blocks = [np.frombuffer(data[-1]).reshape(-1, OPEN_FIELDS).copy()] if self._has_blocks else []
        return [
            adwin.unpack(data[0], len(self.adwin.tracks)),
            page_hinkley.unpack(data[1], len(self.page_hinkley.tracks)),
            *alone,
            *blocks,
        ]

    def start_anew(self, state: list[Any], signals: Collection[int], key: str = "") -> None:
        """Forget what the tracks of some signals have seen; ``state`` is updated in place."""
        fresh = self.start(key)
        again = [np.isin(bank.signals, list(signals)) for bank in self._banks]
        for number, rows in enumerate(again):
            state[number][rows] = fresh[number][rows]
        for at, number in enumerate(self.alone, len(self._banks)):
            if self.tracks[number].signal in signals:
                state[at] = fresh[at]
        if self._has_blocks:
            state[-1][np.concatenate(again)] = 0.0

    def _of_alone(self, state: list[Any]) -> list[Any]:
        return state[2 : 2 + len(self.alone)]

    def follow(self, state: list[Any], pane: Pane, thresholds: Thresholds) -> list[Hit]:
        """Show the tracks a pane's records, in order; ``state`` is updated in place."""
        hits: list[Hit] = []
        for bank, step in ((self.adwin, self._adwin), (self.page_hinkley, self._page_hinkley)):
            if not bank.tracks:
                continue
            found = Found()
            seen = np.zeros(len(bank.tracks), np.int64)
            left = self._open(state, bank)
            before = left[:, COUNT].copy()
            for first in range(0, len(pane), BLOCK):
                codes = pane.codes[first : first + BLOCK]
                values = np.empty((len(bank.tracks), len(codes)))
                lengths = np.empty(len(bank.tracks), np.int64)
                shown = (codes, bank.signals, bank.ranks, bank.forms, bank.mean, bank.scale)
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
            hits += self._follow_alone(number, one, pane)
        return sorted(hits, key=lambda hit: hit.track)

    def _follow_alone(self, number: int, state: Any, pane: Pane) -> list[Hit]:
        track = self.tracks[number]
        table = track.truths if track.form == "raw" else self._ranks[track.signal]
        values = pane.raw[:, self._raw_columns[track.signal]] if table is None else table[pane.codes[:, track.signal]]
        return raw_tracks.follow(track, number, state, values, pane)

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


@kernel
def _gather(codes, signals, ranks, forms, mean, scale, values, lengths):  # type: ignore[no-untyped-def]
    for row in range(signals.shape[0]):
        signal = signals[row]
        used = 0
        for i in range(codes.shape[0]):
            value = _shown(ranks[signal, codes[i, signal]], forms[row], mean[row], scale[row])
            # Written always, kept only where the code has a value: no branch to guess wrong.
            values[row, used] = value
            used += 1 if np.isfinite(value) else 0
        lengths[row] = used


@kernel
def _gather_means(  # type: ignore[no-untyped-def]
    codes, signals, ranks, forms, mean, scale, blocks, divisors, left, values, lengths
):
    for row in range(signals.shape[0]):
        signal = signals[row]
        used = 0
        count, total = left[row, COUNT], left[row, TOTAL]
        for i in range(codes.shape[0]):
            value = _shown(ranks[signal, codes[i, signal]], forms[row], mean[row], scale[row])
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
def _shown(rank, form, mean, scale):  # type: ignore[no-untyped-def]
    if form == SPREAD:
        rank = abs(2.0 * rank - 1.0)
    elif form == SQUARE:
        rank *= rank
    return (rank - mean) * scale
