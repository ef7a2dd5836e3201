"""Evaluations of families of signals, as summaries and scores have them."""

from __future__ import annotations

import math

from schemas.cloudevents import significant
from schemas.evaluations import Evaluation
from schemas.summaries import Summary


def written(value: float) -> float | None:
    """A number as it is compared and written; None where it is none.

    >>> written(0.12345678949), written(float("nan"))
    (0.123456789, None)
    """
    return significant(value) if math.isfinite(value) else None


def evaluated(
    summary: Summary,
    signal: str,
    detector: str,
    count: int,
    *,
    statistic: float,
    threshold: float,
    p_value: float,
    effect: float,
    alarm: bool,
) -> Evaluation:
    """One signal in the window of a summary; numbers that are not known are NaN."""
    return Evaluation(
        time=summary.window.end,
        model=summary.model,
        version=summary.version,
        segment=summary.segment,
        signal=signal,
        detector=detector,
        count=count,
        statistic=written(statistic),
        threshold=written(threshold),
        p_value=written(p_value),
        effect=written(effect),
        alarm=alarm,
    )
