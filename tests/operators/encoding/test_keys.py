from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from operators.encoding.keys import COUNTS, LETTER, MONITOR, monitor_key, source_key, source_of, split_key
from schemas import segments

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT, TEXT, st.sampled_from(["champion", "shadow", "challenger"]), st.dictionaries(TEXT, TEXT, max_size=3))
def test_a_monitors_key(model, version, role, segment):
    """Whatever names hold, a key gives them back, and says by its first letter what it is."""
    text = segments.text(segment)
    key = monitor_key(model, version, role, text)
    assert split_key(key) == (model, version, role, text)
    assert key[0] == MONITOR


@given(TEXT, st.sampled_from([LETTER, COUNTS]))
def test_a_sources_key(source, kind):
    """A source's name comes back from its keys."""
    key = source_key(kind, source)
    assert source_of(key) == source
    assert key[0] == kind


@given(st.lists(st.tuples(TEXT, TEXT), min_size=2, max_size=2, unique=True))
def test_keys_differ(pairs):
    """Two models or versions never share a key."""
    one, other = (monitor_key(model, version, "champion", "all") for model, version in pairs)
    assert one != other
