"""Slice drifts: of all slices that one or two features describe, those in which a signal changed most.

When a signal of the whole traffic is said to have changed, records drawn of the window since then are compared with
some of the reference's, slice by slice. Of as many comparisons some differ by chance, so each is tested at its share of
`LEVEL` (Bonferroni), and what counts is by how much a slice changed *at least*, in PSI: it is told only if that is
clearly more than all records have changed, and than slices that it lies in.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from operators.decisions.slices import SEARCH
from operators.encoding.codes import ABSENT, CODES
from operators.metrics.slice_cells import SliceCells
from operators.metrics.slice_losses import FOUND, LEAST, LEVEL, TOLD
from operators.monitoring.slice_parts import BETTER, distinct
from operators.monitoring.window_tests import ReferenceTables
from operators.profiles.record_sample import records_drawn
from operators.profiles.references import ModelSignals
from operators.sketches.sketch import most_slides
from operators.statistics import effects
from operators.statistics.g_test import g_test
from operators.statistics.grouping import group_counts
from operators.statistics.psi import debiased_psi, psi
from schemas.cloudevents import significant
from schemas.events import Effect, SliceEvidence

SEARCHED = 10  # signals that change at a time, the strongest: each takes some milliseconds
FEWEST = 32  # records drawn of a slide

Codes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def drift_slices(signals: ModelSignals) -> SliceDrifts | None:
    """Slices of a model version that are searched for drifts; None where none are.

    Those before a window, where it is compared with them, are of no profile.
    """
    if not isinstance(signals.model.slices, tuple) or not signals.profile.sample or signals.model.window.previous_ms:
        return None
    cells = SliceCells(signals)
    return SliceDrifts(signals, cells) if cells.parts else None


class SliceDrifts:
    """Slices of a model version, with the sample of its reference.

    Attributes
    ----------
    limit : int
        Records that are drawn of each slide, at most.
    """

    def __init__(self, signals: ModelSignals, cells: SliceCells) -> None:
        told = signals.profile.sample
        assert told, "it is asked for where there is one"
        self._names, self._plan, self._cells = signals.names, signals.model, cells
        known = np.frombuffer(told.codes, np.uint8).reshape(-1, max(len(told.signals), 1))
        codes = np.full((len(known), len(self._names)), ABSENT, np.uint8)
        for column, name in enumerate(told.signals):
            if name in self._names:
                codes[:, self._names.index(name)] = known[:, column]
        self._reference, self._share = codes, told.share
        self._known = {name for name in told.signals if name in self._names}
        self._members = cells.members(codes)
        window = signals.model.window
        self.limit = max(records_drawn(len(self._names)) // sum(most_slides(window.size_ms, window.slide_ms)), FEWEST)

    def found(
        self, tables: ReferenceTables, position: int, rows: Codes, records: int, many: int
    ) -> Iterator[SliceEvidence]:
        """In which slices a signal changed most; nothing where it has nowhere changed clearly more than in all records.

        Parameters
        ----------
        tables
            Of the reference at the window's time.
        position
            Of the signal.
        rows
            Drawn of ``records`` records of the stream.
        many
            Signals that are searched at this time.
        """
        name = self._names[position]
        if name not in self._known or not len(rows):
            return
        blocks = self._cells.blocks_without(position)
        members, known = self._cells.members(rows)[:, blocks], self._members[:, blocks]
        now_all, then_all = (self._counted(of) for of in (members, known))
        level = LEVEL / max(int((then_all >= LEAST).sum()), 1) / many
        z = -float(ndtri(level))
        tau, tau_then = self._taus(tables, position, len(rows) / max(records, 1))
        smallest = max(LEAST, math.ceil(((z - float(ndtri(0.1))) / FOUND) ** 2))
        large = np.minimum(now_all / tau, then_all / tau_then) >= smallest
        large &= np.minimum(now_all, then_all) >= self._plan.disclose
        at = np.flatnonzero(large)
        if not len(at) or at[0]:
            return  # not even all records are enough
        is_value = tables.is_value[position]
        now = self._tallied(members, rows[:, position], at) * is_value / tau
        then = self._tallied(known, self._reference[:, position], at) * is_value / tau_then
        sizes = now.sum(axis=1), then.sum(axis=1)
        same = np.full(len(at), position)
        cells = group_counts(now, then, tables.groups[same], tables.continuous[same])
        test = g_test(cells)
        inverse = 1 / np.maximum(sizes[0], 1) + 1 / np.maximum(sizes[1], 1)
        size = debiased_psi(psi(cells), test.df, inverse)
        # PSI is near to chi-squared times 1/n + 1/m, of as many degrees of freedom, decentral by what has changed.
        least = size - z * np.sqrt(2 * test.df * inverse**2 + 4 * inverse * size)
        least[(np.minimum(*sizes) < smallest) | (test.p_value >= level)] = 0.0
        more = [row for row in np.flatnonzero(least > BETTER * size[0]).tolist() if row]
        found = [(float(least[row]), (row, self._cells.parts_of(int(at[row])))) for row in more]
        for _, (row, parts) in distinct(found, lambda one: one[1], TOLD):
            level_of = effects.effect_level("psi", float(size[row]))
            if not effects.reaches(level_of, self._plan.alarms.min_effect):
                continue
            moved = now[row] / sizes[0][row] - then[row] / sizes[1][row]
            z_location, z_spread = (
                float(moved @ np.nan_to_num(ranks[position]) / math.sqrt(inverse[row] / 12))
                for ranks in (tables.ranks, tables.spreads)
            )
            direction = effects.direction(bool(tables.numeric[position]), z_location, z_spread)
            yield SliceEvidence(
                segment=self._cells.text(parts),
                count=int(now_all[at[row]]),
                signal=name,
                detector=SEARCH,
                statistic=significant(float(size[row])),
                threshold=significant(float(BETTER * size[0] + size[row] - least[row])),
                effect=Effect(size=significant(float(size[row])), level=level_of, direction=direction),
                share=significant(float(now_all[at[row]] / now_all[0])),
                reference_share=significant(float(then_all[at[row]] / then_all[0])),
            )

    def _taus(self, tables: ReferenceTables, position: int, share: float) -> tuple[float, float]:
        """How many records of the stream, and of the reference, say as much as an independent one.

        Of those that are drawn few follow each other closely.
        """
        grown = tables.inflated(np.full(len(self._names), 2.0**62))
        tau = max(float(grown.location[position]), float(grown.spread[position]))
        return 1 + (tau - 1) * share, 1 + (tau - 1) * self._share

    def _counted(self, members: Ints) -> Ints:
        """Records of each cell."""
        return np.bincount(members[members >= 0], minlength=self._cells.count)

    def _tallied(self, members: Ints, codes: Codes, at: Ints) -> Floats:
        """Counts by code of cells, shape (cells, 256)."""
        row = np.full(self._cells.count + 1, -1)  # the last one: of no cell
        row[at] = np.arange(len(at))
        rows = row[members]
        cells = rows * CODES + codes[:, None]
        return np.bincount(cells[rows >= 0], minlength=len(at) * CODES).reshape(-1, CODES).astype(np.float64)
