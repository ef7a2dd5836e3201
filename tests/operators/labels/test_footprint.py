"""What predictions that wait for labels will take is known before, and what would not fit is refused."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from config.plan import LabelsPlan, MetricPlan, ModelPlan
from operators import join
from operators.labels.footprint import LabelFootprint, check_labels, label_footprint
from operators.labels.join_chunks import JoinPane, Part, Rows, put_together
from operators.labels.join_rows import label_data, prediction_data
from operators.labels.join_settling import Settling
from schemas.errors import UsageError
from tests.operators.decoding import model, profile

PANE_MS = 10_000
WITHIN_MS = 100 * PANE_MS


def plan(**changes: object) -> ModelPlan:
    """A model with one way of slicing whose performance is computed."""
    labels = msgspec.structs.replace(LabelsPlan(within_ms=WITHIN_MS), **changes)
    return model(labels=labels, performance=(MetricPlan(name="accuracy"),))


@pytest.mark.parametrize("last", [False, True])
def test_it_is_what_the_join_keeps(last):
    """A stream takes no more than was said, and not much less: half of its labels come, all where each is kept."""
    settling = Settling(WITHIN_MS, last=True, absent=None) if last else None
    kept: dict[str, bytes] = {}
    most = open_ = 0
    rng = np.random.default_rng(1)
    recent: list[np.ndarray] = []
    for number in range(260):
        hashes = rng.integers(0, 2**63, 200).astype(np.uint64)
        data = prediction_data(np.full((200, 2), 0.5), [np.zeros(200, np.int64), np.ones(200, np.int64)])
        part = Part(Rows(hashes, np.full(200, number * PANE_MS), data), ("1|champion", "country=DE"))
        recent.append(hashes if last else hashes[:100])
        due = recent[-10] if number > 10 else hashes[:0]
        labels = Rows(due, np.full(len(due), number * PANE_MS), label_data(np.ones(len(due))))
        labels = labels if len(due) else put_together([])
        end_ms = (number + 1) * PANE_MS
        join.step("m", WITHIN_MS, PANE_MS, kept, JoinPane(end_ms, (part,), labels), end_ms, settling)
        if number > 150:
            most, open_ = max(most, sum(map(len, kept.values()))), 200 * 100
    each = label_footprint(plan(keep="last" if last else "first", mature_ms=WITHIN_MS), []).each
    assert 0.75 * each * open_ < most <= each * open_ * 1.02  # head and texts beside


def test_how_many_wait_follows_from_the_reference():
    """Its rate, for so long as they wait, and of the sample alone."""
    provenance = msgspec.structs.replace(
        profile().provenance, rows=36_001, start="2026-01-01T00:00:00Z", end="2026-01-01T01:00:00Z"
    )
    found = label_footprint(plan(sample=0.1), [profile(provenance=provenance)])
    assert found.open == 1_000
    assert found.total == round(found.each * 1_000)
    assert label_footprint(plan(), [profile()]).open is None
    without = msgspec.structs.replace(plan(), performance=msgspec.UNSET)
    assert label_footprint(without, []).each == pytest.approx(16.125 * 1.25)


def test_what_does_not_fit_is_refused():
    """With what it would need and what would help."""
    check_labels(plan(), LabelFootprint(50.0, None))
    check_labels(plan(), LabelFootprint(50.0, 100_000_000))
    with pytest.raises(UsageError) as caught:
        check_labels(plan(), LabelFootprint(50.0, 400_000_000))
    assert str(caught.value) == (
        "models.churn: predictions that wait for labels need 18.6 GB of state, 50 bytes for each of 400000000, at the "
        "rate of the reference over 1000 s (at most 8 GB); make 'labels.within' shorter or 'labels.sample' smaller"
    )
