"""Nanoseconds a value of each sequential detector, beside river's: ``python -m benchmarks.detectors``."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
from river.base import DriftDetector
from river.drift import ADWIN, PageHinkley

from operators.detectors import adwin, page_hinkley

SIGNALS = 22  # features, prediction and confidence of a model of 20 features
COLUMNS = 16_384  # values a call
CALLS = 6  # the first is left out: it compiles or loads the kernel
RIVER = 50_000  # values that river gets: it takes a hundred times as long


def main() -> None:
    """Print one line a detector. Each call gets fresh values: repeated ones teach the branch predictor."""
    rng = np.random.default_rng(1)
    each, lengths = np.ones(SIGNALS), np.full(SIGNALS, COLUMNS)
    windows, sums = adwin.start(SIGNALS), page_hinkley.start(SIGNALS)
    deltas, thresholds, mean, weight = 1e-4 * each, 38.0 * each, 0.5 * each, 2_000.0 * each

    def ours_adwin(values: npt.NDArray[np.float64]) -> None:
        adwin.adwin(values, lengths, windows, deltas, keep=True)

    def ours_page_hinkley(values: npt.NDArray[np.float64]) -> None:
        page_hinkley.page_hinkley(
            values, lengths, sums, 0.07, thresholds, thresholds, prior_mean=mean, prior_weight=weight
        )

    print(f"ns a value, {SIGNALS} signals x {COLUMNS:,} uniform ranks a call, median of {CALLS - 1} calls")
    print(f"{'':14}{'tidemark':>10}{'river':>10}{'times':>8}")
    for name, ours, river in [
        ("adwin", ours_adwin, ADWIN(delta=1e-4)),
        ("page_hinkley", ours_page_hinkley, PageHinkley(delta=0.07, threshold=38.0)),
    ]:
        calls = [rng.random((SIGNALS, COLUMNS)) for _ in range(CALLS)]
        fast = float(np.median([_nanoseconds(ours, values) / values.size for values in calls][1:]))
        slow = _nanoseconds(partial(_follow, river), rng.random(RIVER)) / RIVER
        print(f"{name:14}{fast:10.1f}{slow:10.1f}{slow / fast:8.0f}")
    turn = [_nanoseconds(lambda state: adwin.unpack(adwin.pack(state), SIGNALS), windows) for _ in range(200)]
    taken = float(np.median(turn)) / 1e3
    print(
        f"adwin state of {SIGNALS} signals: {len(adwin.pack(windows)):,} bytes, packed and unpacked in {taken:.0f} us"
    )


def _follow(detector: DriftDetector, values: npt.NDArray[np.float64]) -> None:
    for value in values.tolist():
        detector.update(value)


def _nanoseconds(call: Callable[[npt.NDArray[np.float64]], object], values: npt.NDArray[np.float64]) -> float:
    began = time.perf_counter()
    call(values)
    return (time.perf_counter() - began) * 1e9


if __name__ == "__main__":
    main()
