from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from operators.profiles.name_counts import NameCounts
from operators.reading.values import Gap, disguised
from schemas.profile import CategoricalSignal


def counted(names, limit=100_000, pieces=1):
    counts = NameCounts(limit)
    for start in range(pieces):
        counts.add(names[start::pieces])
    return counts


def test_signal():
    """Categories stand most frequent first, ties by name; gaps are counted apart."""
    names = ["b", "a", "c", "c", Gap.MISSING, Gap.INVALID, Gap.INVALID, "", "255"]
    assert counted(names).signal() == CategoricalSignal(
        **{"count": 6, "missing": 1, "invalid": 2, "rest": 0, "distinct": 5},
        categories=(("c", 2), ("", 1), ("255", 1), ("a", 1), ("b", 1)),
    )


def test_rare_categories_are_not_named():
    """Categories with fewer records than may be disclosed are the rest, unless they are public."""
    made = counted(["a"] * 3 + ["b"] * 2 + ["c"]).signal(disclose=3, public=["c"])
    assert (made.categories, made.rest, made.distinct, made.count) == ((("a", 3), ("c", 1)), 2, 3, 6)


def test_sensitive_names():
    """Of a sensitive signal no name is shown."""
    made = counted(["a", "a", "b"]).signal(sensitive=True)
    assert made.categories == ((disguised("a"), 2), (disguised("b"), 1))


def test_many_categories():
    """The 250 most frequent categories are named, all others counted together."""
    made = counted([f"{i:03d}" for i in range(300)] * 2 + ["999"]).signal()
    assert made.categories[0] == ("000", 2)
    assert (len(made.categories), made.rest, made.distinct, made.count) == (250, 101, 301, 601)


@given(st.lists(st.sampled_from(["a", "b", "c", Gap.MISSING])), st.integers(1, 3))
def test_pieces_do_not_matter(names, pieces):
    """However a column comes in pieces, the counts are the same."""
    assert counted(names, pieces=pieces).signal() == counted(names[::-1]).signal()


@given(st.lists(st.integers(0, 30).map(str), max_size=200), st.integers(4, 10), st.integers(1, 5))
def test_beyond_the_limit(names, limit, pieces):
    """Memory stays bounded, no value is lost from the total, and counts never exceed the truth."""
    counts = counted(names, limit, pieces)
    true = Counter(names)
    assert len(counts.names) <= limit
    assert counts.names.total() + counts.given_up == len(names)
    assert all(n <= true[name] for name, n in counts.names.items())
    assert counts.signal().count == len(names)


def test_frequent_names_survive_the_limit():
    """Among many identifiers the names that come again and again are counted exactly."""
    counts = NameCounts(limit=100)
    for start in range(0, 1000, 10):
        counts.add(["gold"] * 5 + [f"id{i}" for i in range(start, start + 10)])
    assert counts.names["gold"] == 500
