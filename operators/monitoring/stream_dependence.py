"""Dependence that the stream has to tell, where the reference is in no known order: shuffled, or sorted by anything.

Then each key learns from its own records how closely they follow each other (octaves.py), and its thresholds follow. A
reference in the order of time is taken at its word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from operators.monitoring.window_tests import ReferenceTables
from operators.profiles.inflation import DIRECTIONS, Inflation
from operators.profiles.references import ModelSignals
from operators.sketches import octaves
from schemas.profile import NumericSignal

# Steps in which tau grows, to the next power of 2^(1/STEPS): thresholds of known ones are kept.
STEPS = 8
# Values over tau at which a mean is long: Page-Hinkley adds up some 100 tau values before it alarms.
LONG = 128
# Fourth moment, in standard deviations, from which on a value's square tells clearly less than a normal one's, as of
# what is 0 in all but few records: as long as none of these has come, nothing varies, whatever follows what.
RARE = 10.0

Floats = npt.NDArray[np.float64]


class Slowed(NamedTuple):
    """What a key's stream has told."""

    inflation: Inflation
    location: Floats  # (signals,) tau of the ranks of long spans
    spread: Floats  # (signals,) and of the spread ranks


def unordered(signals: ModelSignals) -> list[int]:
    """Positions of the signals of which the reference does not tell, as it has no times."""
    if not in_no_order(signals):
        return []
    return [position for position, one in enumerate(signals.signals) if one.calibration is not None]


def in_no_order(signals: ModelSignals) -> bool:
    """Whether the records of the reference have no times, so that nothing is known of what follows what."""
    return signals.profile.provenance.order == "file" and signals.model.season is None


class StreamDependence:
    """What is followed of each record: the ranks of some signals, and the spread ranks of those that are numbers.

    Parameters
    ----------
    signals
        Of the model version.
    positions
        From `unordered`.
    tables
        Of the key's reference.
    """

    def __init__(self, signals: ModelSignals, positions: Sequence[int], tables: ReferenceTables) -> None:
        apart = [p for p in positions if isinstance(signals.signals[p], NumericSignal)]
        self._positions, self._apart = np.array(positions, np.int64), np.array(apart, np.int64)
        self._signals = np.array([*positions, *apart], np.int64)
        ranks = _standardised(tables.ranks, tables.location.mean, tables.location.sd)
        spreads = _standardised(tables.spreads, tables.spread.mean, tables.spread.sd)
        self._values = np.vstack([ranks[self._positions], spreads[self._apart]])
        self._odds = _odds(self._values, tables.counts[self._signals])

    @property
    def streams(self) -> int:
        """How many are followed."""
        return len(self._signals)

    @property
    def followed(self) -> list[tuple[int, str]]:
        """Position of each one's signal, and what is followed of it."""
        many = len(self._positions)
        return [(at, "rank" if row < many else "spread") for row, at in enumerate(self._signals.tolist())]

    def follow(self, state: bytes, codes: npt.NDArray[np.uint8]) -> bytes:
        """State after the records of a pane, in the order of time."""
        if not self.streams:
            return b""
        found = octaves.unpack(state, self.streams)
        octaves.follow(found, codes, self._signals, self._values)
        return found.tobytes()

    def told(self, state: bytes) -> bytes:
        """What the stream has told so far, as tau in steps: one byte for each length of each stream; none: nothing."""
        if not state:
            return b""
        seen = octaves.unpack(state, self.streams)
        found, clear = octaves.curves_of(seen[:, :, octaves.PAIRS], seen[:, :, octaves.TOTAL], self._odds)
        steps = np.minimum(np.ceil(STEPS * np.log2(found)), 255).astype(np.uint8)
        return steps.tobytes() if clear.any() and steps.any() else b""

    def slowed(self, told: bytes, known: Inflation) -> Slowed:
        """What the profile knows of dependence, with what the stream has told."""
        steps = np.frombuffer(told, np.uint8).reshape(self.streams, octaves.LENGTHS)
        tau = 2.0 ** (steps / STEPS)
        clear = steps.any(axis=1)
        signals, most = len(known.dependent), max(known.location.shape[1], octaves.LENGTHS)
        more = ((0, 0), (0, most - known.location.shape[1]))
        location, spread = (np.pad(of, more, "edge") for of in (known.location, known.spread))
        shares = np.pad(known.shares, (*more, (0, 0)), "edge")
        dependent, lengths = known.dependent.copy(), known.lengths.copy()
        long = np.ones((2, signals))
        many = len(self._positions)
        for rows, tables, one in (
            (range(many), location, long[0]),
            (range(many, self.streams), spread, long[1]),
        ):
            for row in rows:
                signal = self._signals[row]
                tables[signal, : octaves.LENGTHS] = tau[row]
                tables[signal, octaves.LENGTHS :] = tau[row, -1]
                one[signal] = _long(tau[row])
                dependent[signal] |= clear[row]
                lengths[signal] = octaves.LENGTHS
        names = np.setdiff1d(self._positions, self._apart)
        spread[names], long[1, names] = location[names], long[0, names]
        for signal in self._positions[dependent[self._positions]].tolist():
            # Along one direction shares vary as the ranks do, along the next as the spread ranks (of names: all as
            # the ranks), along the others less: they are taken as the lesser of these two.
            both = np.stack([location[signal], spread[signal]])
            shares[signal] = both.min(axis=0)[:, None]
            shares[signal, :, 0] = both.max(axis=0)
        assert shares.shape[2] == DIRECTIONS, "as the profile's"
        gap = np.maximum(location, spread)
        return Slowed(Inflation(dependent, lengths, location, spread, shares, gap), *long)


def _standardised(ranks: Floats, mean: Floats, sd: Floats) -> Floats:
    return np.asarray((ranks - mean[:, None]) / np.where(sd > 0, sd, 1.0)[:, None], np.float64)


def _odds(values: Floats, counts: Floats) -> Floats:
    """How much a value's square tells, by stream, see `octaves.curves_of`; 0 where the reference does not vary."""
    shares = counts / np.maximum(counts.sum(axis=1), 1.0)[:, None]
    there = np.where(shares > 0, np.nan_to_num(values), 0.0)
    square, fourth = (shares * there**2).sum(axis=1), (shares * there**4).sum(axis=1)
    # Of what is 1 in a share p of records, and else 0, the fourth moment is 1 / (p (1 - p)) - 3.
    found = np.where(fourth > RARE * square**2, 4 / (fourth / np.maximum(square, 1e-12) ** 2 + 3), np.inf)
    return np.where(square > 0, found, 0.0)


def _long(tau: Floats) -> float:
    """Tau of the shortest span that is long for it; of the longest, if none is."""
    lengths = 2.0 ** np.arange(1, len(tau) + 1)
    found = np.flatnonzero(lengths >= LONG * tau)
    return float(tau[found[0]] if len(found) else tau[-1])
