"""How labels of a reference came: counted by span, and what `mature` is made of it."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from config.plan import LabelsPlan
from operators.labels.facts import EDGES
from operators.labels.past import DELAY, SHARE, of_reference
from operators.labels.reference_delays import SPANS, LabelDelaysBuilder, delay_ms, delays_text, with_mature
from operators.reading.plain_times import NO_TIME
from schemas.profile import LabelDelays, Profile, Provenance
from tests.operators.decoding import model

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START_MS = 1_767_225_600_000


def built(
    times_ms: list[int], delays_ms: list[int | None], slide_ms: int = MINUTE, parts: int = 3
) -> LabelDelays | None:
    """Of predictions and how long their labels took, in several parts."""
    builder = LabelDelaysBuilder()
    labels = [NO_TIME if delay is None else time + delay for time, delay in zip(times_ms, delays_ms, strict=True)]
    for part in range(parts):
        builder.add(np.array(times_ms[part::parts], np.int64), np.array(labels[part::parts], np.int64))
    return builder.build(slide_ms)


def exponential(share: float = 0.9, count: int = 20_000, delay_ms: int = HOUR) -> LabelDelays:
    """Two days of predictions."""
    rng = np.random.default_rng(1)
    times = (START_MS + np.sort(rng.integers(0, 2 * DAY, count))).tolist()
    delays = [int(one) if there else None for one, there in zip(
        rng.exponential(delay_ms, count), rng.random(count) < share, strict=True)]  # fmt: skip
    found = built(times, delays)
    assert found is not None
    return found


def test_spans_and_delays():
    """Predictions with and without a label by the span that they were made in; those without a time do not count."""
    found = built([0, 59_999, 60_000, 150_000, NO_TIME], [500, None, 3 * HOUR, 1_000, 5])
    assert found is not None
    assert (found.start_ms, found.slide_ms, found.until_ms) == (0, MINUTE, 60_000 + 3 * HOUR)
    assert found.predictions == (2, 1, 1)
    where = int(np.searchsorted(EDGES, 3 * HOUR))
    assert [np.flatnonzero(row).tolist() for row in found.delays] == [[0], [where], [0]]
    assert {len(row) for row in found.delays} == {where + 1}


def test_spans_are_few():
    """A long reference has longer spans, each of whole slides."""
    found = exponential()
    assert len(found.predictions) <= SPANS
    assert found.slide_ms % MINUTE == 0
    assert sum(found.predictions) == 20_000


@pytest.mark.parametrize("delays", [[None, None], []])
def test_without_times_there_is_nothing(delays):
    """Nor where no label has one."""
    assert built([0] * len(delays), delays) is None


def test_the_delay_of_a_share():
    """It is the quantile, rounded up to a bin and to a number that can be read."""
    found = exponential()
    for share in (0.5, 0.8, 0.95):
        exact = -np.log(1 - share) * HOUR
        assert exact * 0.97 <= delay_ms(found, share) <= exact * 1.3
        assert delay_ms(found, share, 10_000) % 10_000 == 0
    assert delays_text(found) == "18,014 labels of 20,000 predictions, half of them within 49 min, 80% within 97 min"


def test_mature():
    """The longest of the profiles, in whole panes and not beyond `within`; what is given or settled stays."""
    plan = model(labels=LabelsPlan(within_ms=14 * DAY))
    made = Provenance(source="a", rows=1, start=None, end=None, tidemark="0")
    bare = Profile(model="churn", version="1", provenance=made, signals={})
    profiles = [bare, *(msgspec.structs.replace(bare, labels=exponential(delay_ms=ms)) for ms in (MINUTE, HOUR))]
    assert with_mature(plan, profiles, 10_000).labels.mature_ms == 97 * MINUTE
    assert with_mature(plan, profiles[:2], 10_000).labels.mature_ms == 110_000
    assert with_mature(plan, [bare], 10_000).labels.mature_ms == 0
    for changes, expected in (
        ({"within_ms": 65_000}, 60_000),
        ({"mature_given": True}, 0),
        ({"mature_given": True, "mature_ms": 10_000}, 10_000),
        ({"keep": "last", "mature_ms": DAY}, DAY),
        ({"absent": "no", "mature_ms": DAY}, DAY),
    ):
        labels = msgspec.structs.replace(plan.labels, **changes)
        found = with_mature(msgspec.structs.replace(plan, labels=labels), profiles, 10_000).labels
        assert (found.mature_ms, found.mature_given) == (expected, labels.mature_given)


def test_what_windows_are_compared_with():
    """Labels that came in time, of the spans that have waited as long: the last ones have not."""
    found = of_reference(exponential(), HOUR, "sha256:1")
    assert found is not None
    share = found.spreads[SHARE]
    assert share.found / share.records == pytest.approx(0.9 * (1 - np.exp(-1)), abs=0.05)  # the bin ends at 68 min
    assert found.spreads[DELAY].records == share.found
    assert share.tau == pytest.approx(1.0, abs=0.6)
    assert found.profile_id == "sha256:1"
    whole = of_reference(exponential(), DAY, "")
    assert whole is not None
    assert whole.spreads[SHARE].slides < share.slides
    assert whole.span_ms[1] + DAY <= exponential().until_ms
    assert of_reference(exponential(), 2 * DAY, "") is None  # too few have waited for two days
