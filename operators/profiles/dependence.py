"""Dependence: how much more the means and counts of a signal vary than those of independent values, and at what length.

tau, the variance of a mean of l values over that of independent ones, is 1 + 2 sum (1 - t/l) rho(t) over the lags
t < l. For long means the sum of autocorrelations is cut where it becomes noise: at the first pair of lags with a
negative sum (Geyer 1992, Statistical Science 7, doi:10.1214/ss/1177011137, initial positive sequence). That misses
what comes back later, a daily cycle, or devices that take turns: so the whole sum, as far as it is clear of its own
noise, counts if it is larger. Counts differ by direction: their covariance over blocks says how much, direction by
direction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from operators.encoding.codes import CODES
from operators.statistics.grouping import GROUPS, code_groups, is_continuous
from operators.statistics.ranks import rank_table, spread_ranks
from schemas.profile import Calibration, NumericSignal, Signal

LEAST_VALUES = 50  # below, no signal is judged, and nothing can be told
LEAST_BLOCKS = 16  # of the longest length: fewer tell nothing of its variance
LEAST_COUNTED = 40  # blocks for the covariance of ten counts
CLEAR = 4.5  # standard errors from which dependence is taken for real; a hundred signals have some 2,000 chances
DIRECTIONS = GROUPS - 1  # of which variances are kept one by one
CELLS = 32  # of a signal without order: its most frequent values one by one, the rest together
QUARTERS = (0.25, 0.5, 0.75)  # ranks at which the distribution function is followed: further out it varies little
ERROR = 3.0  # relative standard error of tau is about so many sqrt(tau / m); measured 1.8 to 3.8
SERIES_ERROR = 6.0  # likewise of numbers that may have long tails; measured 3.6 to 8.7 on errors, squares and shares

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.uint8]


def calibrate(signal: Signal, codes: Codes) -> Calibration:
    """Describe the dependence of a signal's values.

    Parameters
    ----------
    signal : Signal
        As it will stand in the profile.
    codes : uint8
        Of reference values in the order of time; codes that are no values are left out.

    Examples
    --------
    >>> from schemas.profile import CategoricalSignal
    >>> signal = CategoricalSignal(
    ...     count=2000, missing=0, invalid=0, categories=(("a", 1000), ("b", 1000)), rest=0, distinct=2)
    >>> rng = np.random.default_rng(1)
    >>> calibrate(signal, rng.integers(0, 2, 2000).astype(np.uint8)).tau  # independent
    ()
    >>> round(calibrate(signal, rng.integers(0, 2, 200).repeat(10).astype(np.uint8)).tau[-1])  # in runs of ten
    10
    """
    ranks = rank_table(signal)
    there = codes[np.isfinite(ranks[codes])]
    if len(there) < LEAST_VALUES:
        return unknown(len(there))
    forms = [ranks[there]]
    if isinstance(signal, NumericSignal):
        forms.append(spread_ranks(ranks)[there])
    return described(forms, lambda: Counted(_cells(signal, ranks, there)))


def unknown(count: int) -> Calibration:
    """Of so few values that nothing can be told, or so many among which there is no dependence."""
    return Calibration(values=count, error=_rounded(ERROR / math.sqrt(max(count, 1))))


def of_series(values: Floats) -> Calibration:
    """Describe how numbers in the order of time follow each other, as far as their means show.

    >>> of_series(np.random.default_rng(1).normal(size=2000)).tau  # independent
    ()
    """
    values = values[np.isfinite(values)]
    with np.errstate(over="ignore"):
        spread = float(values.std()) if len(values) >= LEAST_VALUES else 0.0
    if not 0 < spread < math.inf:
        return unknown(len(values))
    tau, clear = _curve(values / spread)
    if not clear:
        return unknown(len(values))
    error = _rounded(SERIES_ERROR * math.sqrt(tau[-1] / len(values)))
    return Calibration(values=len(values), error=error, tau=tuple(map(_rounded, tau.tolist())))


def also_of_means(known: Calibration, values: Floats) -> Calibration:
    """With the tau of values themselves and of their squares, where these are larger than that of their ranks.

    Parameters
    ----------
    values : float64
        In the order of time, as many as `known` is of; finite.
    """
    if not known.tau or len(values) != known.values:
        return known
    curves = [known.tau, *(_curve(form)[0].tolist() for form in (values, values * values))]
    tau = tuple(map(_rounded, np.max(np.array(curves), axis=0).tolist()))
    return msgspec.structs.replace(known, tau=tau)


class Counted(NamedTuple):
    """Values as the G test counts them."""

    cells: npt.NDArray[np.int64]  # (values,) cell of each
    # (values // 2 + 1, cells) how many of the first 0, 2, 4, ... are to be expected in each cell; None: the same share
    # of all values
    expected: Floats | None = None


def described(forms: Sequence[Floats], counted: Callable[[], Counted]) -> Calibration:
    """Describe the dependence of values by their ranks, the first of ``forms``, and spread ranks, the last."""
    count = len(forms[0])
    curves = [_curve(form) for form in forms]
    if not any(clear for _, clear in curves):
        return unknown(count)
    tau, spread_tau = curves[0][0], curves[-1][0]
    both = np.maximum(tau, spread_tau)
    shares = _shares(counted(), both)
    gap = _gap(forms[0]) if len(forms) > 1 else ()
    return Calibration(
        values=count,
        error=_rounded(ERROR * math.sqrt(both[-1] / count)),
        tau=tuple(map(_rounded, tau)),
        spread_tau=tuple(map(_rounded, spread_tau)),
        shares=tuple(tuple(map(_rounded, row)) for row in shares),
        gap_tau=tuple(map(_rounded, gap)),
    )


def _rounded(value: float) -> float:
    """To six digits, which are the same on every processor."""
    return float(f"{value:.6g}")


def _curve(values: Floats) -> tuple[Floats, bool]:
    """Tau by length, at least 1 and never falling; and whether there is any dependence."""
    m = len(values)
    lengths = 2.0 ** np.arange(1, max(2, int(math.log2(m / LEAST_BLOCKS)) + 1))
    rho = _autocorrelations(values)
    lags = np.arange(1, len(rho))
    sums, weighted = np.cumsum(rho[1:]), np.cumsum(lags * rho[1:])
    upto = lengths.astype(np.int64) - 2  # position of lag l - 1
    whole = 1 + 2 * (sums[upto] - weighted[upto] / lengths)
    # Of independent values each autocorrelation has the variance 1/m.
    noise = 2 * np.sqrt((lengths - 1) * (2 * lengths - 1) / (6 * lengths) / m)
    clear = bool(((whole - 1) > CLEAR * noise).any())
    if not clear:
        return np.ones(len(lengths)), False
    lag = _cut(rho)
    cut = 1 + 2 * (sums[np.minimum(upto, lag - 1)] - weighted[np.minimum(upto, lag - 1)] / lengths)
    cut[-1] = 1 + 2 * sums[lag - 1]
    # The length whose sum is largest even if it is two errors too high; chance alone makes the longest ones largest.
    bound = whole / (1 + 2 * noise)
    clearest = np.array([np.argmax(bound[: number + 1]) for number in range(len(bound))])
    curve = np.where(bound[clearest] > cut, whole[clearest], cut)
    return np.maximum.accumulate(np.maximum(curve, 1.0)), True


def _gap(ranks: Floats) -> Floats:
    """Largest variance of the distribution function by length, over that of independent values in the middle, 1/4.

    Kolmogorov's tail is that of the place where it is largest; the ranks' own tau is larger, of AR(0.9) by half.
    """
    below = [(ranks < rank).astype(np.float64) for rank in QUARTERS]
    return np.asarray(np.max([np.maximum(4 * one.var() * _curve(one)[0], 1.0) for one in below], axis=0), np.float64)


def _autocorrelations(values: Floats) -> Floats:
    """From lag 0 to half of the values."""
    m = len(values)
    centred = values - values.mean()
    spectrum = np.fft.rfft(centred, 1 << (2 * m - 1).bit_length())
    covariances = np.fft.irfft(spectrum * spectrum.conj())[: max(m // 2, 3)]
    if covariances[0] <= 1e-12 * m:  # a constant
        covariances = np.eye(1, len(covariances))[0]
    return np.asarray(covariances / covariances[0], dtype=np.float64)


def _cut(rho: Floats) -> int:
    """Last lag before the first pair of lags whose autocorrelations add up to nothing or less; at least 1."""
    pairs = rho[0 : len(rho) // 2 * 2 : 2] + rho[1 : len(rho) // 2 * 2 : 2]
    ends = np.flatnonzero(pairs <= 0)
    return max(1, 2 * (int(ends[0]) if len(ends) else len(pairs)) - 1)


def _cells(signal: Signal, ranks: Floats, codes: Codes) -> npt.NDArray[np.int64]:
    """Cell of each value: those that the G test counts, as far as they are not too many."""
    if is_continuous(signal):
        return code_groups(signal, ranks)[codes]
    order = np.argsort(-np.bincount(codes, minlength=CODES), kind="stable")
    cell = np.empty(CODES, np.int64)
    cell[order] = np.minimum(np.arange(CODES), CELLS - 1)
    return cell[codes]


def _shares(counted: Counted, tau: Floats) -> list[Floats]:
    """Variances of shares by length and direction, at least 1: of the length up to there where they are largest.

    As tau grows further with the length, beyond what blocks can show, so do they.
    """
    best, most, best_tau = np.ones(1), -np.inf, 1.0
    rows = []
    for number, now in enumerate(tau.tolist()):
        length = 2 ** (number + 1)
        if len(counted.cells) >= LEAST_COUNTED * length:
            found, blocks = _directions(counted, length)
            # Three standard errors off the total: chance must not choose the longest and noisiest.
            total = found.sum() - 3 * math.sqrt(2 * np.sum(found**2) / blocks)
            if total > most:
                best, most, best_tau = found, total, now
        grown = np.maximum(best * max(1.0, now / best_tau), 1.0)
        rest = grown[DIRECTIONS:].mean() if len(grown) > DIRECTIONS else 1.0
        rows.append(np.append(grown[:DIRECTIONS], rest))
    return rows


def _directions(counted: Counted, length: int) -> tuple[Floats, int]:
    """Eigenvalues of the covariance of block counts over that of independent values, largest first; and the blocks."""
    cells = counted.cells
    blocks = len(cells) // length
    used = cells[: blocks * length]
    many = int(cells.max()) + 1
    counts = np.bincount(np.repeat(np.arange(blocks), length) * many + used, minlength=blocks * many)
    counts = counts.reshape(blocks, many)
    expected = length * counts.sum(axis=0) / (blocks * length)
    seen = expected > 0
    wanted = expected[None]
    if counted.expected is not None:
        wanted = np.diff(counted.expected[: blocks * length // 2 + 1 : length // 2], axis=0)
    scaled = (counts[:, seen] - wanted[:, seen]) / np.sqrt(expected[seen])
    covariance = scaled.T @ scaled / max(blocks - 1, 1)
    values = np.sort(np.linalg.eigvalsh(covariance))[::-1]
    return np.maximum(values[: max(1, int(seen.sum()) - 1)], 0.0), blocks
