"""Verdicts: an alarm is what exceeds its threshold, both as they are written."""

from __future__ import annotations

import numpy as np

from operators.monitoring.verdicts import exceeds


def test_a_threshold_is_exceeded_by_nine_digits():
    """As both are written: what differs in the tenth digit is equal, on any processor."""
    threshold = np.array([0.3, 0.3, 0.3, 5e-320, np.inf])
    statistic = np.array([0.1 + 0.2, 0.300000001, 0.3000000001, 1e-300, np.inf])
    assert exceeds(statistic, threshold).tolist() == [False, True, False, True, False]
