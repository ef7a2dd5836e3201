from __future__ import annotations

import msgspec
import numpy as np
import pytest

from operators.labels.join_chunks import Part, Rows
from operators.labels.join_rows import PLACES, Matches, by_key, label_data, prediction_data, renumbered, unpack


@pytest.mark.parametrize("count", [0, 1, 3])
def test_any_number_of_predictions(count):
    """None of a batch may be in the sample."""
    data = prediction_data(np.ones((count, 2)), [np.arange(count), np.arange(count)])
    assert data.shape == (count, 16 + 4)


def matches(places=None, segments=1):
    """Predictions of one version, of two segments by turns."""
    numbers = [np.zeros(4, np.int64), *[np.array([1, 2, 1, 2])] * segments]
    data = prediction_data(np.arange(8.0).reshape(4, 2), numbers, places)
    times = np.arange(4) * 10
    return Matches(np.arange(4, dtype=np.uint64), times, times + 5, data, label_data(np.arange(4.0)))


def test_places_go_with_the_whole_traffic():
    """Segments have none; parts with and without them are put together, as after a change of the configuration."""
    places = np.array([5, 1 << 40, 0, (1 << 56) - 1], np.uint64)
    texts = ["1|champion", "country=DE", "country=FR"]
    with_places = dict(by_key("m", matches(places), texts))
    without = dict(by_key("m", matches(), texts))
    assert with_places.keys() == without.keys()
    assert [key for key, rows in with_places.items() if rows != without[key]] == [
        key for key in without if "all" in key
    ]
    whole = next(key for key in without if "all" in key)
    assert unpack([with_places[whole]]).places.tolist() == places.tolist()
    mixed = unpack([without[whole], with_places[whole]])
    assert sorted(mixed.places.tolist()) == sorted([*[0] * 4, *places.tolist()])
    assert unpack([without[whole]]).places is None
    for parts in ([with_places, without], [without, with_places, with_places], [with_places] * 2):
        behind = unpack([b"".join(part[whole] for part in parts)])  # as the job keeps those of a pane
        apart = unpack([part[whole] for part in parts])
        assert [column.tolist() for column in msgspec.structs.astuple(behind)] == [
            column.tolist() for column in msgspec.structs.astuple(apart)
        ]
    assert np.array_equal(np.unique(mixed.values, axis=0), unpack([without[whole]]).values)


def test_texts_are_renumbered_and_places_stay():
    """The bytes after the numbers of texts are not taken for one."""
    places = np.array([3, 2, 1, 0], np.uint64)
    given = matches(places)
    assert given.predictions.shape == (4, 16 + 4 + PLACES)
    part = Part(Rows(given.hashes, given.times_ms, given.predictions), ("1|champion", "country=DE", "country=FR"))
    found = renumbered(part, {"country=DE": 0})
    assert found.data[:, 20:].tolist() == given.predictions[:, 20:].tolist()
    assert found.data[:, 16:20].copy().view("<u2").tolist() == [[1, 0], [1, 2], [1, 0], [1, 2]]
