"""operators/encoding/segment_coding.py."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from config.plan import SegmentPlan
from operators.encoding.segment_coding import SegmentCoder
from schemas import segments
from tests.operators.decoding import model
from tests.operators.signals import unhurried

COUNTRIES = st.sampled_from(["DE", "US", "other", "FR", None])
ALL_KINDS = st.one_of(COUNTRIES, st.integers(0, 2), st.just(1.0), st.booleans(), st.just([]))
LISTED = (("DE", "1"), ("US", "true"), ("FR", "0"))


def coder(*fields: str, values: tuple[tuple[str, ...], ...]) -> SegmentCoder:
    plan = SegmentPlan(fields=fields, values=values)
    return SegmentCoder(plan, model(segments=(plan,)), {})


@unhurried
@given(st.lists(st.tuples(COUNTRIES, ALL_KINDS), min_size=1, max_size=40))
def test_columns_come_to_what_each_record_does(records):
    """A batch is cut as its records would be one by one, as lists and as Arrow's columns."""
    of = coder("country", "device", values=LISTED)
    countries, devices = map(list, zip(*records, strict=True))
    found = of.codes([countries, devices]).tolist()
    assert found == [of.codes([[country], [device]]).item() for country, device in records]
    assert of.codes([pa.array(countries, pa.string()), devices]).tolist() == found


def test_numbers_and_booleans_are_their_texts():
    """1, 1.0 and true are told apart as the profile tells them; the rest is `other`."""
    of = coder("country", "device", values=LISTED)
    devices = [1, 1.0, True, 0, False, None, []]
    expected = ["1", "1", "other", "other", "other", "other", "other"]
    texts = [of.texts[number] for number in of.codes([["DE"] * len(devices), devices])]
    assert [segments.parse(text)["device"] for text in texts] == expected
