"""All windowed tests of a key at once: what a model version's signals look like, and how far a window is from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operators.encoding.codes import UNSEEN
from operators.profiles.inflation import Inflated, Inflation, inflation, of_difference
from operators.statistics.distances import DISTANCES, Distances, distance_threshold, distances
from operators.statistics.g_test import GTest, g_test, g_threshold
from operators.statistics.grouping import Cells, group_counts, group_rows, is_continuous
from operators.statistics.ks import KsTest, ks, ks_threshold
from operators.statistics.lepage import LepageTest, RankMoments, is_even, lepage, lepage_threshold
from operators.statistics.psi import debiased_psi, psi, psi_threshold
from operators.statistics.ranks import moment_rows, rank_rows, reference_counts, spread_ranks, unseen_codes, value_codes
from operators.statistics.wasserstein import Wasserstein, bin_places, wasserstein, wasserstein_threshold
from schemas.profile import NumericSignal, Signal

LEAST = 50  # values of a signal, below which nothing is said of it: tests and effects of fewer are not exact


@dataclass(frozen=True, slots=True)
class ReferenceTables:
    """A profile's signals as arrays, row s for signal s; made once per model version by `reference_tables`.

    All arrays are C-contiguous and writable, so that every kernel is compiled once; nobody writes to them.
    """

    counts: NDArray[np.float64]  # (S, 256) reference values by code
    totals: NDArray[np.float64]  # (S,) reference values
    is_value: NDArray[np.float64]  # (S, 256) 1 for codes that are values of the signal, else 0
    unseen: NDArray[np.bool_]  # (S, 256) codes of values that the reference never had
    # (S, 256) tenth of the reference or the code itself, one for all unseen values; -1 where it is no value
    groups: NDArray[np.int64]
    continuous: NDArray[np.bool_]  # (S,) compared on tenths of the reference
    even: NDArray[np.bool_]  # (S,) no code has more than a tenth of the reference
    numeric: NDArray[np.bool_]  # (S,) values have an order: up, down, apart
    ranks: NDArray[np.float64]  # (S, 256) NaN for codes without rank
    spreads: NDArray[np.float64]  # (S, 256)
    location: RankMoments  # (S,) mean and sd of the ranks under the reference
    spread: RankMoments  # (S,) of the spread ranks
    inflation: Inflation  # of variances, where values follow each other
    places: NDArray[np.float64]  # (S, 256) means of the bins in reference sd; NaN for what is no number
    # (S,) whose reference is a part of the stream, where values follow each other like the window's; None: of no signal
    moving: NDArray[np.bool_] | None = None

    def inflated(self, values: NDArray[np.float64]) -> Inflated:
        """How much more means of so many values of each signal, less the reference's, vary than independent ones do."""
        found = self.inflation.at(values)
        if self.moving is None:
            return found
        totals = np.maximum(self.totals, 1.0)
        moved = of_difference(found, np.maximum(values, 1.0), self.inflation.at(totals), totals)
        return Inflated(
            *(
                np.where(self.moving[:, None] if one.ndim > 1 else self.moving, other, one)
                for one, other in zip(found, moved, strict=True)
            )
        )


@dataclass(frozen=True, slots=True)
class Window:
    """What is compared with what."""

    tables: ReferenceTables
    counts: NDArray[np.float64]  # (S, 256) values by code
    cells: Cells
    means: NDArray[np.float64] | None  # (S,) of the values themselves, in reference sd
    tau: NDArray[np.float64]  # (S,) variance of means over that of independent values


@dataclass(frozen=True)
class WindowTests:
    """One evaluation of every signal; every array has the shape (S,) and no NaN.

    Distances that are no default are made when they are asked for.
    """

    count: NDArray[np.int64]  # values of the window that were compared
    inverse: NDArray[np.float64]  # 1/n + 1/m, with at least one value thought to be on either side
    g: GTest  # statistic G/q (chi_squared), df, p_value (of psi as well)
    psi: NDArray[np.float64]
    debiased_psi: NDArray[np.float64]
    ks: KsTest  # statistic D, p_value
    ks_inverse: NDArray[np.float64]  # 1/n + 1/m of as many independent values
    ks_rough: NDArray[np.float64]  # part of the gap's variance that is not shared with neighbouring places
    lepage: LepageTest  # z_location, z_spread, statistic (the larger), p_value
    window: Window

    @cached_property
    def distances(self) -> Distances:
        """On the cells of the G test, whose p-value they take."""
        return distances(self.window.cells)

    @cached_property
    def wasserstein(self) -> Wasserstein:
        """Nothing for categories."""
        window = self.window
        return wasserstein(window.counts, window.tables.counts, window.tables.places, window.means, window.tau)


def reference_tables(signals: Sequence[Signal]) -> ReferenceTables:
    """Arrays of the signals of a profile, in the order given."""
    counts = _rows([reference_counts(signal) for signal in signals])
    is_value = _rows([value_codes(signal).astype(np.float64) for signal in signals])
    continuous = np.array([is_continuous(signal) for signal in signals], dtype=np.bool_)
    unseen = np.array([unseen_codes(signal) for signal in signals], dtype=np.bool_).reshape(-1, 256)
    return ReferenceTables(
        **_of_counts(counts, is_value, unseen, continuous),
        is_value=is_value,
        unseen=unseen,
        continuous=continuous,
        numeric=np.array([isinstance(signal, NumericSignal) for signal in signals], dtype=np.bool_),
        inflation=inflation(signals),
        places=_rows([bin_places(signal) for signal in signals]),
    )


def recounted(tables: ReferenceTables, counts: NDArray[np.float64]) -> ReferenceTables:
    """Tables of the same signals with other counts by code, whole numbers or not, shape (S, 256)."""
    return replace(tables, **_of_counts(counts, tables.is_value, tables.unseen, tables.continuous))


def _of_counts(
    counts: NDArray[np.float64],
    is_value: NDArray[np.float64],
    unseen: NDArray[np.bool_],
    continuous: NDArray[np.bool_],
) -> dict[str, Any]:
    """Tables that follow from the reference's counts by code."""
    ranks = rank_rows(counts, is_value)
    spreads = spread_ranks(ranks)
    return {
        "counts": counts,
        "totals": counts.sum(axis=1),
        "groups": np.where(unseen, UNSEEN, group_rows(ranks, continuous)),
        "even": is_even(counts),
        "ranks": ranks,
        "spreads": spreads,
        "location": RankMoments(*moment_rows(counts, ranks)),
        "spread": RankMoments(*moment_rows(counts, spreads)),
    }


def evaluate_counts(
    tables: ReferenceTables, current: NDArray[np.int64], means: NDArray[np.float64] | None = None
) -> WindowTests:
    """Compare a window with the reference by every test.

    Parameters
    ----------
    tables : ReferenceTables
    current : int64, shape (S, 256)
        Counts by code of the window. Codes that are no values (INVALID, MISSING) do not enter.
    means : float64, shape (S,), optional
        Of the window's values themselves, from the reference's mean in its standard deviations; NaN where there are
        none.
    """
    counts = current * tables.is_value
    n = counts.sum(axis=1)
    inverse = 1 / np.maximum(n, 1) + 1 / np.maximum(tables.totals, 1)
    cells = group_counts(counts, tables.counts, tables.groups, tables.continuous)
    grown = tables.inflated(n)
    dependent = tables.inflation.dependent
    g = g_test(cells, grown.shares, dependent) if dependent.any() else g_test(cells)
    index = psi(cells)
    tau = np.maximum(grown.location, grown.spread)
    return WindowTests(
        count=n.astype(np.int64),
        inverse=inverse,
        g=g,
        psi=index,
        debiased_psi=debiased_psi(index, g.df, inverse * g.mean_weight),
        ks=ks(counts, tables.counts, grown.gap, grown.rough),
        ks_inverse=grown.gap * inverse,
        ks_rough=grown.rough,
        lepage=lepage(
            counts,
            tables.totals,
            tables.ranks,
            tables.spreads,
            tables.location,
            tables.spread,
            tables.even,
            grown.location,
            grown.spread,
        ),
        window=Window(tables, counts, cells, means, tau),
    )


@dataclass(frozen=True, slots=True)
class Judgement:
    """One detector's view of every signal: an alarm is exactly ``statistic > threshold``; shape (S,)."""

    statistic: NDArray[np.float64]
    threshold: NDArray[np.float64]
    p_value: NDArray[np.float64]


def judge(tests: WindowTests, detector: str, level: float) -> Judgement:
    """Statistic, threshold and p-value of a windowed detector, in its own unit.

    Above the threshold the p-value is below the level, and the other way round.

    Parameters
    ----------
    tests : WindowTests
    detector : str
        One of `detection.WINDOWED`.
    level : float
        Of one evaluation (alpha), in (0, 1).
    """
    if detector == "psi":
        return Judgement(tests.psi, psi_threshold(level, tests.psi, tests.g, tests.inverse), tests.g.p_value)
    if detector == "chi_squared":
        return Judgement(tests.g.statistic, g_threshold(level, tests.g), tests.g.p_value)
    if detector in DISTANCES:
        statistic = getattr(tests.distances, detector)
        threshold = distance_threshold(level, tests.distances, detector, tests.g, tests.inverse)
        return Judgement(statistic, threshold, tests.g.p_value)
    if detector == "wasserstein":
        threshold = wasserstein_threshold(level, tests.wasserstein, tests.window.tau * tests.inverse)
        return Judgement(tests.wasserstein.statistic, threshold, tests.wasserstein.p_value)
    if detector == "ks":
        threshold = ks_threshold(level, tests.ks_inverse, tests.ks_rough)
        return Judgement(tests.ks.statistic, threshold, tests.ks.p_value)
    threshold = np.full(len(tests.count), lepage_threshold(level))
    return Judgement(tests.lepage.statistic, threshold, tests.lepage.p_value)


def _rows(rows: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.array(rows, dtype=np.float64).reshape(-1, 256)
