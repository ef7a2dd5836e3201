"""Sufficiency: how well a measure of the new version will be known by so many labelled records.

The half-width of an interval shrinks with the root of the records that it rests on. Where an episode of performance
tells the interval of its window, that one is scaled, so the dependence of errors and the kind of measure are in it;
else, of accuracy, it is that of independent records (normal approximation).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from schemas.cloudevents import significant, timestamp
from schemas.retraining import MetricLoss, Sufficiency

NORMAL = 1.959964  # 95 % of a normal variable are within so many standard deviations
WANTED = 0.01  # half-width of an accuracy, where no loss says how well it has to be known
_HOUR_MS = 3_600_000


def sufficiency(
    losses: Sequence[MetricLoss], measures: Mapping[str, float], have: int, per_hour: float, time_ms: int
) -> Sufficiency | None:
    """How well the measure will be known that has lost most, or else accuracy; None where nobody knows a measure.

    Parameters
    ----------
    losses
        What episodes of performance tell.
    measures
        Newest ones of the version by name.
    have : int
        Labelled records to train on and test with.
    per_hour : float
        That come at the present rate.
    time_ms : int
        Of the forecast.

    Examples
    --------
    >>> sufficiency([], {"accuracy": 0.9}, 1_000, 900.0, 0)
    Sufficiency(metric='accuracy', segment={}, half_width=0.0185938511, wanted=0.01, labelled=3458, \
forecast='1970-01-01T02:43:52.000Z')
    """
    known = [one for one in losses if one.labels and one.low is not None and one.high is not None]
    if known:
        of = max(known, key=lambda one: (one.loss or 0.0, one.metric))
        assert of.low is not None, "it is known"
        assert of.high is not None, "likewise"
        metric, segment, unit = of.metric, of.segment, (of.high - of.low) / 2 * math.sqrt(of.labels or 0)
        # By half of what was lost: then it shows whether the new version has made it good.
        wanted = of.loss / 2 if of.loss else WANTED
    elif "accuracy" in measures:
        metric, segment, wanted = "accuracy", {}, WANTED
        unit = NORMAL * math.sqrt(max(measures[metric] * (1 - measures[metric]), 0.0))
    else:
        return None
    needed = max(1, math.ceil(significant((unit / wanted) ** 2))) if wanted > 0 else 0
    if not unit or not needed:
        return None
    left = needed - have
    when = None if left <= 0 or not per_hour else timestamp(time_ms + round(left / per_hour * _HOUR_MS))
    return Sufficiency(
        metric=metric,
        segment=segment,
        half_width=significant(unit / math.sqrt(have)) if have else None,
        wanted=significant(wanted),
        labelled=needed,
        forecast=when,
    )
