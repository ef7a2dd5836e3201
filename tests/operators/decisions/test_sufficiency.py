"""How well a measure will be known: by its own interval where there is one, else as of independent records."""

from __future__ import annotations

import pytest

from operators.decisions.sufficiency import sufficiency
from schemas.retraining import MetricLoss


def loss(metric="accuracy", lost=0.04, low=0.84, high=0.88, labels=1_000):
    return MetricLoss(
        metric=metric, segment={}, baseline=0.9, current=0.86, loss=lost, low=low, high=high, labels=labels
    )


def test_four_times_the_records_halve_the_interval():
    """Whatever the measure, and however its errors follow each other: the interval that was measured has it in it."""
    found = [sufficiency([loss()], {}, have, 0.0, 0).half_width for have in (1_000, 4_000, 16_000)]
    assert found == [0.02, 0.01, 0.005]


def test_half_of_the_loss_is_what_is_wanted():
    """Of the measure that has lost most; a wider interval needs more, and enough needs no forecast."""
    small, large = loss("mae", 0.01), loss("f1", 0.02)
    found = sufficiency([small, large], {"accuracy": 0.5}, 10_000, 100.0, 0)
    assert (found.metric, found.wanted, found.labelled, found.forecast) == ("f1", 0.01, 4_000, None)
    assert sufficiency([loss("f1", 0.02, low=0.8, high=0.88)], {}, 0, 0.0, 0).labelled == 16_000


def test_without_records_or_more_to_come():
    """Neither a half-width now nor a time for it."""
    found = sufficiency([loss()], {}, 0, 0.0, 0)
    assert (found.half_width, found.forecast) == (None, None)


@pytest.mark.parametrize(
    ("losses", "measures"),
    [([], {}), ([loss(labels=None)], {"mae": 2.0}), ([], {"accuracy": 1.0}), ([loss(low=0.86, high=0.86)], {})],
)
def test_nothing_is_known(losses, measures):
    """Of no measure, or of one whose interval has no width."""
    assert sufficiency(losses, measures, 100, 1.0, 0) is None
