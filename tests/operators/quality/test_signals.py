"""Quality signals: which there are, what the reference has of them, and what is told of a window that differs."""

from __future__ import annotations

from types import MappingProxyType

import msgspec
import numpy as np
import pytest

from config.plan import FeaturePlan, QualityPlan
from operators.encoding.codes import INVALID, MISSING, UNSEEN
from operators.monitoring.detection import Detection
from operators.monitoring.ending import retire
from operators.monitoring.state import Key
from operators.quality.signals import as_signal, outside, quality_signals, range_misfit, unseen_by_others
from operators.sketches import sketch
from schemas.profile import Calibration, Share
from tests.operators import decoding
from tests.operators.panes import MINUTE, RESTART, SHUFFLE, TENTHS, Driver, Records, detection
from tests.operators.signals import categorical_signal, discrete_signal

ALL = QualityPlan()
PLAN = categorical_signal([6_000, 3_000, 1_000])
GAPS = msgspec.structs.replace(TENTHS, count=9_900, missing=100, counts=(*TENTHS.counts[:9], 900))
SIGNALS = MappingProxyType({"age": GAPS, "plan": PLAN})


def watching(signals=SIGNALS, **more) -> Detection:
    return detection(dict(signals), quality=more.pop("quality", ALL), **more)


def minutes(*changes, records: int = 200) -> list[Records]:
    """A minute for each mapping of (signal, code) to the number of records that have it; the others are as usual."""
    items = []
    for minute, change in enumerate(changes, 1):
        rng = np.random.default_rng(minute)
        codes = np.column_stack([rng.integers(0, 10, records), rng.choice(3, records, p=[0.6, 0.3, 0.1])])
        for (signal, code), many in change.items():
            codes[rng.choice(records, many, replace=False), signal] = code
        items.append(Records(minute * MINUTE, codes))
    return items


def told(driver: Driver) -> list[tuple[int, str, str, str]]:
    return [one for one in driver.told if one[1].startswith("quality.")]


def test_which_signals_there_are():
    """Each field once, what it can have and what is wanted of it; a text by its length, a feature called prediction."""
    features = (
        FeaturePlan(name="age", type="numeric", range=(0.0, 120.0)),
        FeaturePlan(name="plan", type="categorical"),
        FeaturePlan(name="many", type="categorical"),
        FeaturePlan(name="member", type="boolean"),
        FeaturePlan(name="title.length", type="numeric", of="title", measure="length"),
        FeaturePlan(name="title.coverage", type="numeric", of="title", measure="coverage"),
        FeaturePlan(name="prediction", type="numeric"),
    )
    few = discrete_signal(np.repeat([1.0, 2.0, 3.0], 50))
    signals = {
        "feature.age": TENTHS,
        "feature.plan": PLAN,
        "feature.many": categorical_signal([60, 30], rest=10),
        "feature.member": categorical_signal([60, 40]),
        "feature.title.length": few,
        "feature.title.coverage": TENTHS,
        "feature.prediction": few,
        "prediction": categorical_signal([60, 40]),
    }
    model = decoding.model(features=features, quality=ALL)
    assert [(one.name, one.position) for one in quality_signals(model, signals)] == [
        ("quality.missing.age", 0),
        ("quality.invalid.age", 0),
        ("quality.range.age", 0),
        ("quality.missing.plan", 1),
        ("quality.invalid.plan", 1),
        ("quality.unseen.plan", 1),
        ("quality.missing.many", 2),
        ("quality.invalid.many", 2),
        ("quality.missing.member", 3),
        ("quality.invalid.member", 3),
        ("quality.missing.title", 4),
        ("quality.invalid.title", 4),
        ("quality.missing.prediction", 6),
        ("quality.invalid.prediction", 6),
        ("quality.unseen.prediction", 6),
        ("quality.missing.model.prediction", 7),
        ("quality.invalid.model.prediction", 7),
        ("quality.unseen.model.prediction", 7),
    ]
    less = msgspec.structs.replace(model, quality=QualityPlan(missing=False, invalid=False, range=False))
    assert [one.name for one in quality_signals(less, signals)] == [
        "quality.unseen.plan",
        "quality.unseen.prediction",
        "quality.unseen.model.prediction",
    ]
    assert quality_signals(msgspec.structs.replace(model, quality=msgspec.UNSET), signals) == ()


def test_nothing_changes_without_it():
    """Without the section there are no such signals, and the drift signals have the whole budget."""
    without, with_it = watching(quality=msgspec.UNSET), watching()
    assert without.quality is None
    assert without.tests == 4
    assert with_it.tests == 4 + 5 + 1  # the volume
    assert with_it.level("all") == pytest.approx(without.level("all") * 4 / 10)
    assert without.id != with_it.id


def test_gaps_open_and_close():
    """A share that rises opens an episode signal of its own; the values that are there stay as they were."""
    usual, gaps = {(0, MISSING): 2}, {(0, MISSING): 60}
    driver = Driver(watching()).run(minutes(*[usual] * 4, *[gaps] * 4, *[usual] * 6))
    opened, changed, recovered = driver.changes
    assert told(driver) == [
        (6, "quality.missing.age", "opened", "up"),
        (7, "quality.missing.age", "changed", "up"),
        (12, "quality.missing.age", "recovered", "recovered"),
    ]
    assert (opened.kind, opened.of, opened.severity, changed.severity) == ("quality", 5, "warning", "critical")
    assert opened.onset_ms == 4 * MINUTE
    assert opened.evidence.detector == "share"
    assert opened.evidence.reference.missing == 0.01
    assert opened.evidence.current.missing == pytest.approx(122 / 600, abs=1e-9)
    assert opened.evidence.statistic > opened.evidence.threshold > 0
    assert opened.evidence.p_value is not None
    assert opened.evidence.p_value < watching().level("all")
    assert recovered.why == "recovered"


@pytest.mark.parametrize(
    ("change", "signal"),
    [
        ({(0, INVALID): 10}, "quality.invalid.age"),
        ({(1, UNSEEN): 10}, "quality.unseen.plan"),
        ({(1, MISSING): 200}, "quality.missing.plan"),
        ({(1, INVALID): 200}, "quality.invalid.plan"),
    ],
)
def test_each_kind(change, signal):
    """What was never there, and fields that have nothing at all any more."""
    usual = {(0, MISSING): 2}
    found = told(Driver(watching(min_effect="negligible")).run(minutes(*[usual] * 3, *[usual | change] * 3)))
    assert (5, signal, "opened", "up") in found


def test_gaps_that_are_filled():
    """Fewer missing values are a change as well, fewer invalid ones are none."""
    gaps = msgspec.structs.replace(TENTHS, missing=5_000, invalid=2_000)
    before = {(0, MISSING): 60, (0, INVALID): 24}
    driver = Driver(watching({"age": gaps, "plan": PLAN})).run(minutes(*[before] * 3, *[{}] * 4))
    assert told(driver) == [(5, "quality.missing.age", "opened", "down"), (6, "quality.missing.age", "changed", "down")]
    assert driver.changes[0].evidence.statistic > driver.changes[0].evidence.threshold


def test_values_out_of_range():
    """They are counted beside the codes; the profile says how many the reference has."""
    share = {"quality.range.age": Share(found=100, records=10_000, range=(0.0, 9.0))}
    of = watching(ranges={"age": (0.0, 9.0)}, shares=share)
    items = minutes(*[{}] * 8)
    for number, item in enumerate(items):
        items[number] = Records(item.end_ms, item.codes, outside=[2 if number < 4 else 40])
    driver = Driver(of, scores=True).run(items)
    assert told(driver)[0] == (6, "quality.range.age", "opened", "up")
    assert driver.changes[0].evidence.current.outside == pytest.approx(82 / 600, abs=1e-9)
    assert driver.summaries[-1].counts["feature.age"].outside == 120
    assert driver.summaries[-1].counts["feature.plan"].outside is msgspec.UNSET
    none = Driver(of, scores=True).run(minutes({}))
    assert none.summaries[0].counts["feature.age"].outside == 0


def test_ids_that_came_again_are_not_counted_in_segments():
    """Where only values out of their ranges are, no id has come again, of none."""
    of = watching(
        quality=QualityPlan(), ranges={"age": (0.0, 9.0)},
        shares={
            "quality.range.age": Share(found=9, records=9_000, range=(0.0, 9.0)),
            "quality.duplicates": Share(found=9, records=9_000),
        },
    )  # fmt: skip
    assert of.quality is not None
    counts = np.zeros((len(of.signals.names), 256), np.int64)
    found, records = (column.tolist() for column in of.quality.count(counts, np.array([7])))
    names = [signal.name for signal in of.quality.signals]
    assert found[names.index("quality.range.age")] == 7
    again = names.index("quality.duplicates")
    assert (found[again], records[again]) == (0, 0)


def test_restarts_and_the_order_of_records_change_nothing():
    """State goes through bytes, records come mixed and in several chunks: the same is said."""
    usual, gaps = {(0, MISSING): 2}, {(0, MISSING): 60}
    items = minutes(*[usual] * 3, *[gaps] * 4, *[usual] * 4)
    items = [Records(item.end_ms, item.codes, outside=[3]) for item in items]
    of = watching(ranges={"age": (0.0, 9.0)}, shares={"quality.range.age": Share(found=9, records=9_000)})
    plain = Driver(of, scores=True).run(items)
    mixed = Driver(of, scores=True).run([items[0], SHUFFLE, *items[1:5], RESTART, *items[5:]])
    assert mixed.said == plain.said
    assert told(plain)


def test_what_is_open_ends_with_the_configuration():
    """A model that is not watched so any more has nothing open."""
    driver = Driver(watching()).run(minutes(*[{(0, MISSING): 60}] * 4))
    assert [change.why for change in retire(Key("churn", "3", "champion", "all"), driver.state)] == ["configuration"]
    again = Driver(watching(quality=msgspec.UNSET), state=driver.state, ring=driver.ring)
    again.run([minutes(*[{}] * 5)[-1]])
    assert [change.why for change in again.changes] == ["configuration"]


def test_summaries_have_them():
    """An evaluation of each, an alarm where there is one; too few records are not judged."""
    driver = Driver(watching(), scores=True).run(minutes(*[{(0, MISSING): 60}] * 2))
    rows = {row.signal: row for row in driver.summaries[-1].evaluations if row.detector == "share"}
    assert list(rows) == [one.name for one in watching().quality.signals]
    alarm, calm = rows["quality.missing.age"], rows["quality.invalid.age"]
    assert (alarm.alarm, alarm.count, calm.alarm, calm.statistic, calm.p_value) == (True, 400, False, 0.0, 1.0)
    assert alarm.statistic > alarm.threshold
    assert calm.threshold > 0
    assert driver.summaries[-1].exceeded >= 1
    fewer = Driver(watching(), scores=True).run(minutes({}, records=40))
    assert all(row.p_value is None for row in fewer.summaries[-1].evaluations)


def test_bursts_take_more():
    """The same gaps where the reference's come in runs of a hundred are no alarm."""
    calibration = Calibration(values=10_000, error=0.1, tau=(2.0, 4.0, 8.0, 16.0, 30.0, 60.0, 90.0, 100.0))
    shares = {"quality.missing.age": Share(found=100, records=10_000, calibration=calibration)}
    gaps = [{(0, MISSING): 12}] * 5
    assert told(Driver(watching()).run(minutes(*gaps)))
    assert told(Driver(watching(shares=shares)).run(minutes(*gaps))) == []


def test_a_value_that_one_record_had_counts_as_unseen():
    """Of categories and of discrete numbers: as often there will be new ones."""
    once = categorical_signal([50, 1, 1])
    assert np.flatnonzero(unseen_by_others(once)).tolist() == [1, 2, UNSEEN]
    numbers = discrete_signal(np.array([1.0, 1.0, 2.0]))
    assert np.flatnonzero(unseen_by_others(numbers)).tolist() == [0, 2, 3, 4]
    of = watching({"age": TENTHS, "plan": once}, disclose=1).quality
    assert dict(zip([one.name for one in of.signals], of.known, strict=True))["quality.unseen.plan"] == 2


def test_ranges():
    """Ends belong to them, and what is no number is in none and out of none."""
    values = np.array([[-1.0], [0.0], [120.0], [120.5], [np.nan], [np.inf]])
    assert outside(values, [(0.0, 120.0)])[:, 0].tolist() == [True, False, False, True, False, False]


@pytest.mark.parametrize(
    ("signal", "share", "wrong"),
    [
        ({"min": 0.0, "max": 99.0}, None, False),
        ({"min": -1.0, "max": 99.0}, None, True),
        ({"min": None, "max": None}, None, True),
        ({"min": -1.0, "max": 99.0}, Share(found=3, records=10, range=(0.0, 100.0)), False),
        ({"min": -1.0, "max": 99.0}, Share(found=3, records=10, range=(0.0, 90.0)), True),
    ],
)
def test_a_profile_must_know_what_is_out_of_range(signal, share, wrong):
    """By its own count for the same range, or because its extremes are in it."""
    model = decoding.model(features=(FeaturePlan(name="age", type="numeric", range=(0.0, 100.0)),), quality=ALL)
    made = decoding.profile(
        signals={"feature.age": msgspec.structs.replace(decoding.numeric(1.0, 2.0), **signal)},
        quality={} if share is None else {"quality.range.age": share},
    )
    said = "age: it does not tell how many values are out of the range [0, 100]"
    assert range_misfit(model, made) == (said if wrong else None)
    assert range_misfit(msgspec.structs.replace(model, quality=msgspec.UNSET), made) is None


def test_a_kind_is_a_signal_of_two_values():
    """Their counts add up."""
    assert as_signal(3, 10).categories == (("other", 7), ("kind", 3))


def test_slides_add_up():
    """Counts of values out of range are those of all panes, of merged slides too; none is nought."""
    slides = [sketch.Slide(MINUTE * number, outside=out) for number, out in enumerate([[1, 2], [], [3, 4]])]
    assert sketch.outside(slides) == [4, 6]
    assert sketch.outside(slides[1:2]) == []
