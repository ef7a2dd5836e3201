"""Detection: which detectors look at what, and which changes of a configuration make state useless."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from config.plan import DetectorPlan
from operators.monitoring.window_tests import evaluate_counts
from operators.profiles.slices import SliceCodec
from operators.sketches.windows import Slides
from tests.operators.panes import TENTHS, detection
from tests.operators.signals import categorical_signal, discrete_signal, placed

BOTH = {"age": TENTHS, "plan": categorical_signal([6_000, 4_000])}


def test_the_defaults():
    """By type: spread, and tests that need many values, are nothing for categories."""
    of = detection(BOTH, None)
    assert {name: watched.tolist() for name, (watched, _) in of.windowed.items()} == {
        "psi": [True, True],
        "lepage": [True, False],
    }
    assert [(track.signal, track.name) for track in of.tracks.tracks] == [
        (0, "adwin"), (0, "adwin:spread"), (0, "page_hinkley"), (0, "page_hinkley:spread"), (1, "page_hinkley"),
    ]  # fmt: skip
    assert of.tests == 1 + 1 + 2 + 4 + 2  # page_hinkley of a number has four parts, three of them for its location


def test_own_thresholds_and_raw_input_take_no_share_of_the_budget():
    """They stand outside it."""
    own = (DetectorPlan(name="psi", threshold=0.2), DetectorPlan(name="adwin", input="raw"), DetectorPlan(name="ks"))
    of = detection({"age": TENTHS}, own)
    assert of.tests == 1
    assert of.windowed["psi"][1].tolist() == [0.2]
    assert np.isnan(of.windowed["ks"][1]).all()


def test_distances_on_shares_are_one_test_of_the_budget_and_wasserstein_another():
    """Names that take one p-value alarm together and share one part."""
    names = ("psi", "jensen_shannon", "hellinger", "total_variation", "l_infinity", "chi_squared")
    assert detection({"age": TENTHS}, tuple(DetectorPlan(name=name) for name in names)).tests == 1
    assert detection({"age": TENTHS}, tuple(DetectorPlan(name=name) for name in (*names, "wasserstein"))).tests == 2


@pytest.mark.parametrize("name", ["jensen_shannon", "l_infinity", "wasserstein"])
def test_an_own_threshold_on_a_distance(name):
    """As far as that, and no further; whatever the effect gate says."""
    counts = np.zeros((1, 256), np.int64)
    counts[0, :10] = np.arange(200, 300, 10)
    age = {"age": placed(TENTHS)}
    tests = evaluate_counts(detection(age).tables, counts)
    (free,) = detection(age, (DetectorPlan(name=name),)).judge(tests, "all")
    for factor, over in ((0.99, True), (1.01, False)):
        of = detection(age, (DetectorPlan(name=name, threshold=factor * free.statistic[0]),))
        (found,) = of.judge(tests, "all")
        assert (found.over[0], of.tests) == (over, 1)


def test_the_budget_is_shared_by_the_segments():
    """Half for the whole traffic; `other` of each slicing is a segment too."""
    of = detection(BOTH, None, segments=[("country",)])
    assert (of.budget("all"), of.budget("country=DE")) == (0.5, 0.5)
    assert of.level("all") == pytest.approx(4 * 0.5 / (30 * 24 * 60 * 10))


def test_state_is_made_for_what_it_depends_on():
    """Another profile, feature, detector of values or slide; not the budget, the window's size or its tests."""
    ids = {
        detection(BOTH, None).id,
        detection({"age": discrete_signal(np.arange(5.0)), "plan": BOTH["plan"]}, None).id,
        detection({"age": TENTHS}, None).id,
        detection(BOTH, (DetectorPlan(name="psi"),)).id,
        detection(BOTH, None, slide_ms=30_000).id,
    }
    assert len(ids) == 5
    same = [
        detection(BOTH, None, budget=7.0),
        detection(BOTH, None, size_ms=360_000, min_count=7),
        detection(BOTH, None, confirm=1, recover=9, min_effect="large"),
    ]
    assert {of.id for of in same} == {detection(BOTH, None).id}


@pytest.mark.parametrize(("rate", "same"), [(1.0, 1.0), (0.85, 1.0), (1.7, 2.0), (2.0, 2.0)])
def test_thresholds_follow_the_traffic_in_steps(rate, same):
    """The next quarter of an octave, so that they seldom move, and upwards, the safe side."""
    of = detection(BOTH, None)
    found, expected = of.thresholds("all", rate), of.thresholds("all", same)
    assert found is expected
    busier = of.thresholds("all", 4.0)
    assert (busier.delta < found.delta).all()
    assert (busier.up >= found.up).all()


def test_no_threshold_is_ever_missing():
    """Of constant, empty and two-valued references, of no traffic and of very much: positive, or infinite."""
    signals = {
        "constant": discrete_signal(np.full(100, 3.0)),
        "empty": discrete_signal(np.array([])),
        "two": discrete_signal(np.repeat([0.0, 1.0], [990, 10])),
        "plan": categorical_signal([]),
    }
    of = detection(signals, None)
    for rate in (0.0, 1e-12, 1e6):
        found = of.thresholds("all", rate)
        assert ((found.delta > 0) & (found.delta <= 1)).all()
        assert (found.up > 0).all()
        assert (found.down > 0).all()


def test_verdicts_are_those_of_the_tests():
    """Statistic over threshold and p-value under the level say the same."""
    of = detection(BOTH, None)
    counts = np.zeros((2, 256), np.int64)
    counts[0, :10], counts[1, :2] = np.arange(20, 30), [30, 220]
    tests = evaluate_counts(of.tables, counts)
    for verdict in of.judge(tests, "all"):
        assert (verdict.over == (verdict.watched & (verdict.p_value < of.level("all")))).all()
    assert msgspec.structs.asdict(Slides(of, [], 0).span(True))["count"] == 0


def sliced(many=3, **more):
    """A model of one feature whose segments u0, u1, ... have more and more in the upper half."""
    codec = SliceCodec([TENTHS])
    slices = {}
    for number in range(many):
        counts = np.zeros((1, 256), np.int64)
        counts[0, :10] = [100] * 5 + [100 + 50 * number] * 5
        slices[f"user=u{number}"] = codec.pack(int(counts.sum()), counts, np.array([[0.5 * number, 1.0]]))
    return detection({"age": TENTHS}, None, segments=[("user",)], slices={"user": slices}, **more)


def test_a_segment_has_tables_ranks_and_thresholds_of_its_own():
    """From its records of the reference; what state and codes mean is the same for all segments."""
    of = sliced()
    u2 = of.of("user=u2")
    assert u2.tables.totals.tolist() == [1_500.0]
    assert u2.tables.ranks[0, 4] == pytest.approx(450 / 1_500)
    assert u2.tracks.adwin.values[0, 4] == u2.tables.ranks[0, 4]
    mean = np.nansum(u2.tracks.page_hinkley.values[0] * u2.tables.counts[0])
    assert mean == pytest.approx(0, abs=1e-9)
    assert u2.signals.signals[0].mean == 1.0
    assert (u2.id, u2.signals.meaning, u2.level("user=u2")) == (of.id, of.signals.meaning, of.level("user=u2"))
    mine, whole = u2.thresholds("user=u2", 0.01), of.thresholds("user=u2", 0.01)
    assert mine.delta.tolist() == whole.delta.tolist()
    assert mine.up.tolist() != whole.up.tolist()


def test_what_has_no_reference_of_its_own_is_compared_with_the_whole():
    """All traffic, a segment that was not counted, and all of them with an older profile."""
    of = sliced()
    assert of.of("all") is of
    assert of.of("user=u9") is of
    plain = detection(BOTH, None, segments=[("country",)])
    assert plain.of("country=DE") is plain


def test_tables_of_many_segments_are_made_anew(monkeypatch):
    """Only so many are kept; thresholds and tables come out the same."""
    monkeypatch.setattr("operators.monitoring.detection.KEPT", 2 * 15_000)
    of = sliced(4)
    first = of.of("user=u1")
    limits = first.thresholds("user=u1", 0.01)
    assert of.of("user=u1") is first
    for number in (2, 3, 0):
        of.of(f"user=u{number}")
    again = of.of("user=u1")
    assert again is not first
    assert np.array_equal(again.tables.ranks, first.tables.ranks, equal_nan=True)
    assert [getattr(again.thresholds("user=u1", 0.01), name).tolist() for name in ("delta", "up", "down")] == [
        getattr(limits, name).tolist() for name in ("delta", "up", "down")
    ]
