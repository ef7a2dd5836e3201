"""Calibration: from the budget of false episodes to the level or threshold of every detector.

`budget: b per T` is the expected number of false episodes of a model in the time T while the data behaves like the
reference. Expected numbers add up whatever depends on what, so the budget is divided: by keys, then by tests (signal
and detector), most of them evenly, then by evaluations, or by values for the sequential detectors, which look at each.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from config.plan import AlarmsPlan
from operators.jit import kernel

# Names that take their p-value from another's test have no share of their own.
ONE_TEST = dict.fromkeys(("chi_squared", "jensen_shannon", "hellinger", "total_variation", "l_infinity"), "psi")

# The test that finds a shift of numbers first, and how many parts of the budget it has. With more it finds shifts a few
# values sooner and all others find changes later: beyond three of eight, as with the defaults, little is gained.
SOONEST, SOONEST_WEIGHT = "page_hinkley", 3

# Level of one evaluation, over its even share, by `confirm`. Windows overlap and several evaluations must agree, so
# that without it only 7 to 22 % of the budget would be used. More: over budget; less: changes are found later.
CONFIRM_FACTORS = {1: 1.0, 2: 4.0, 3: 8.0}

ALLOWANCE = 0.25  # k: deviation in sd that Page-Hinkley forgives a value. Less: small references alarm; more: is blind
PRIOR = 2_000  # most values that the reference's mean counts for: more hides slow drifts, fewer delays alarms
# Alarms over promised ones of Page-Hinkley's threshold where ranks have no ties: sums do not stop at h but go beyond,
# of which the formula knows nothing. Measured for A of 20,000 and 200,000: 0.56 (location), 0.53 and 0.45 (spread).
OVERSHOOT = 0.55
# Of a constant reference, where nothing shows how often other values come, nor how long they stay:
OTHER = 8.0  # what a value that it never had counts for, in deviations: those that come within 32 values add up
STAYING = 0.7  # how likely the next value is another one again; more, and a change is found later, by logarithms
LEAST_VALUES = 10_000  # values between false alarms, at least: for fewer no threshold was measured

# ADWIN's false alarms per value on uniform ranks, the worst case, are RATE_AT_ONE * delta**SLOPE (measured down to
# FITTED; below that in proportion, which is the safe side).
RATE_AT_ONE = 2.2e-4
SLOPE = 1.42
FITTED = 3e-7
DELTA_FITTED = 0.01
LOGS = 2 * math.log(1e6)  # 2 ln(width), which the bound divides by delta
GROUP = 1.6  # alarms of one false alarm: ADWIN keeps the recent part of its window, and alarms again soon after


def key_budget(alarms: AlarmsPlan, segments: int, whole: bool) -> float:
    """False episodes that one key may have in ``alarms.period_ms``.

    Parameters
    ----------
    alarms : AlarmsPlan
    segments : int, >= 0
        Keys of the model beside its whole traffic, counting ``other``.
    whole : bool
        For the segment ``all``, which has half of the budget, or everything where there are no segments; otherwise
        for one segment, which has its share of the other half.

    Examples
    --------
    >>> alarms = AlarmsPlan(
    ...     budget=1.0, period_ms=30 * 86_400_000, confirm=2, recover=3, min_effect="small", critical="large")
    >>> key_budget(alarms, 0, True), key_budget(alarms, 50, True), key_budget(alarms, 50, False)
    (1.0, 0.5, 0.01)
    """
    if segments == 0:
        return alarms.budget
    return alarms.budget / 2 if whole else alarms.budget / 2 / segments


def weights(detectors: Iterable[str]) -> dict[str, int]:
    """Parts of the budget that each test of a signal has.

    Parameters
    ----------
    detectors : iterable of str
        Names of those whose threshold comes from the budget, variants (``adwin:spread``) one by one. Names that share a
        test (``psi``, ``chi_squared``) count once.

    Examples
    --------
    >>> weights(["psi", "chi_squared", "page_hinkley", "page_hinkley:spread"])
    {'psi': 1, 'page_hinkley': 3, 'page_hinkley:spread': 1}
    """
    found = dict.fromkeys((ONE_TEST.get(name, name) for name in detectors), 1)
    if SOONEST + ":spread" in found:
        found[SOONEST] = SOONEST_WEIGHT
    return found


def count_tests(detectors: Iterable[Sequence[str]]) -> int:
    """How many ways the budget of a key is shared: parts of all tests of all signals, at least 1.

    Parameters
    ----------
    detectors : iterable of sequences of str
        Of each signal, see `weights`.

    Examples
    --------
    >>> count_tests([["psi", "chi_squared", "adwin", "adwin:spread"], ["psi"]])
    4
    """
    return max(1, sum(sum(weights(signal).values()) for signal in detectors))


def evaluation_level(alarms: AlarmsPlan, budget: float, tests: int, slide_ms: int) -> float:
    """Level (alpha) of one evaluation of one windowed test: c b slide / (T tests), at most 1/2.

    Parameters
    ----------
    alarms : AlarmsPlan
        Its ``confirm`` gives c: 1, 4, and 8 from 3 on.
    budget : float
        Of the key, from `key_budget`.
    tests : int
        From `count_tests`.
    slide_ms : int
        Time between evaluations.

    Examples
    --------
    >>> alarms = AlarmsPlan(
    ...     budget=1.0, period_ms=30 * 86_400_000, confirm=1, recover=3, min_effect="small", critical="large")
    >>> f"{evaluation_level(alarms, 1.0, 400, 300_000):.2g}"
    '2.9e-07'
    """
    factor = CONFIRM_FACTORS[min(max(alarms.confirm, 1), max(CONFIRM_FACTORS))]
    return min(0.5, factor * budget * slide_ms / (alarms.period_ms * tests))


def values_between_alarms(
    alarms: AlarmsPlan, budget: float, tests: int, values_per_ms: float, weight: int = 1
) -> float:
    """How many values of one signal a sequential detector sees between two false alarms (A), on average.

    Parameters
    ----------
    alarms : AlarmsPlan
        Its ``confirm`` has no factor here: a sequential alarm is one moment, held until it is confirmed.
    budget : float
        Of the key, from `key_budget`.
    tests : int
        From `count_tests`.
    values_per_ms : float, >= 0
        Records of the key.
    weight : int
        From `weights`.

    Returns
    -------
    float
        At least 10,000, the smallest number for which thresholds were measured.
    """
    return max(LEAST_VALUES, alarms.period_ms * values_per_ms * tests / (weight * budget))


def adwin_delta(values_between: ArrayLike) -> NDArray[np.float64]:
    """ADWIN's confidence parameter for so many values between false alarms, on ranks.

    Examples
    --------
    >>> [f"{delta:.2g}" for delta in adwin_delta([1e4, 1e6, 1.44e9])]
    ['0.41', '0.016', '1.4e-05']
    """
    rate = 1 / (GROUP * np.asarray(values_between, dtype=np.float64))
    fitted = np.minimum(1.0, (rate / RATE_AT_ONE) ** (1 / SLOPE))
    return np.asarray(np.where(rate < FITTED, DELTA_FITTED * rate / FITTED, fitted), dtype=np.float64)


def slowed_delta(delta: ArrayLike, tau: ArrayLike) -> NDArray[np.float64]:
    """ADWIN's delta for values of which tau say as much as one: its bound holds a variance that is tau times larger.

    The bound grows with the root of ln(2 ln(width) / delta), which is made tau times larger; width is taken as a
    million. 0, with which there is no alarm, where that is beyond the smallest number.

    Examples
    --------
    >>> slowed_delta(0.01, [1.0, 2.0, 1000.0]).round(8).tolist()
    [0.01, 3.62e-06, 0.0]
    """
    return np.asarray(LOGS * (np.asarray(delta) / LOGS) ** np.asarray(tau), dtype=np.float64)


def page_hinkley_threshold(
    values_between: ArrayLike, tilt: ArrayLike, allowance: float = ALLOWANCE
) -> NDArray[np.float64]:
    """Cumulative deviation (h) of one side, in reference standard deviations, that keeps both sides together to A.

    h solves e^x - 1 - x = 2 A k theta, x = theta h: ln(2 A k theta) / theta but for tiny theta. For normal values
    (theta = 2k) it is Siegmund's (1985), Sequential Analysis, section 2.6, which fails 967-fold on skewed ranks.

    Parameters
    ----------
    values_between : float64
        A, from `values_between_alarms`.
    tilt : float64
        theta of the side, from `tilts`; infinite where the reference cannot move that way.
    allowance : float
        k.

    Returns
    -------
    float64
        Infinite where the tilt is: such a side never alarms.
    """
    theta, a = np.broadcast_arrays(np.asarray(tilt, dtype=np.float64), np.asarray(values_between, dtype=np.float64))
    able = np.isfinite(theta) & (theta > 0)
    root = np.where(able, theta, 1.0)
    target = 2 * a * allowance * root
    bound = np.log1p(target)
    x = np.minimum(np.sqrt(2 * target), bound + np.log1p(bound) + 1)  # right of the solution: Newton comes down to it
    for _ in range(60):
        step = (np.expm1(x) - x - target) / np.expm1(x)
        x = x - step
        if np.all(np.abs(step) <= 1e-14 * x):
            break
    return np.where(able, x / root, np.inf)


def constant_threshold(values_between: ArrayLike, count: ArrayLike) -> NDArray[np.float64]:
    """Page-Hinkley's h where the reference is one value, so often: how many others in a row are no chance.

    With one run of others in 1/c values the reference has none with probability exp(-c n); so thresholds that rest on
    there being none are met, averaged over references, by c exp(-c n) <= 1/(e n) runs a value. Of these a share of
    STAYING^(r - 1) is r long.

    Parameters
    ----------
    values_between : float64
        A, from `values_between_alarms`.
    count : float64, >= 1
        n, values of the reference.

    Returns
    -------
    float64
        In units in which each other value counts for OTHER; never less than two of them.

    Examples
    --------
    >>> alone = OTHER - ALLOWANCE
    >>> (constant_threshold([1e4, 1e5, 1e5, 1e6], [8_000, 8_000, 300, 300]) // alone + 1).tolist()  # values in a row
    [2.0, 5.0, 14.0, 20.0]
    """
    chance = np.asarray(values_between, dtype=np.float64) / (math.e * np.asarray(count, dtype=np.float64))
    return np.asarray((OTHER - ALLOWANCE) * np.maximum(1.0, np.log(chance) / -math.log(STAYING)), dtype=np.float64)


def tilts(
    counts: NDArray[np.float64], values: NDArray[np.float64], allowance: ArrayLike = ALLOWANCE
) -> NDArray[np.float64]:
    """Root theta > 0 of ln sum p exp(theta (z - k)) = 0 for each signal: how fast high sums get rare.

    Computed from the reference's own distribution over the codes. Half a value is thought to be in the codes that
    the reference left empty, so that what has never been seen is not taken for impossible.

    Parameters
    ----------
    counts : float64, shape (signals, 256)
        Values of the reference by code.
    values : float64, shape (signals, 256)
        Standardised ranks by code (negated for the side that looks down), NaN for codes that are no values.
    allowance : float64, shape (signals,), or one for all
        k.

    Returns
    -------
    float64, shape (signals,)
        Infinite where no value exceeds k, or the reference is constant or empty.
    """
    found = np.full(len(counts), np.inf)
    each = np.broadcast_to(np.asarray(allowance, dtype=np.float64), (len(counts),)).copy()
    _tilt(np.ascontiguousarray(counts), np.ascontiguousarray(values), each, found)
    return found


@kernel
def _tilt(counts, values, allowances, found):  # type: ignore[no-untyped-def]
    shares = np.empty(counts.shape[1])
    gains = np.empty(counts.shape[1])
    for s in range(counts.shape[0]):
        codes, empty, total = 0, 0, 0.0
        for code in range(counts.shape[1]):
            if not np.isnan(values[s, code]):
                shares[codes] = counts[s, code]
                gains[codes] = values[s, code] - allowances[s]
                empty += shares[codes] == 0.0
                total += shares[codes]
                codes += 1
        if codes - empty < 2:
            continue
        total += 0.5 if empty else 0.0
        mean, top = 0.0, 0
        for i in range(codes):
            shares[i] = (shares[i] if shares[i] > 0.0 else 0.5 / empty) / total
            mean += shares[i] * gains[i]
            if gains[i] > gains[top]:
                top = i
        if gains[top] <= 0.0 or mean >= 0.0:
            continue
        # The function is convex, 0 at 0 and falling there; at this bound its largest term alone is at least 1.
        theta = -np.log(shares[top]) / gains[top]
        for _ in range(200):
            terms, slope = 0.0, 0.0
            for i in range(codes):
                term = shares[i] * np.exp(theta * (gains[i] - gains[top]))
                terms += term
                slope += term * gains[i]
            step = (np.log(terms) + theta * gains[top]) * terms / slope
            theta -= step
            if abs(step) <= 1e-13 * theta:
                break
        found[s] = theta
