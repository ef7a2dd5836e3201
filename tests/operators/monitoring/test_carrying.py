"""A key's state under another configuration: what is unchanged goes on as if nothing had happened."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from config.plan import DetectorPlan, QualityPlan
from operators.detectors import river
from operators.encoding import chunks
from operators.encoding.codes import ABSENT, MISSING
from operators.monitoring.carrying import Carrying
from operators.monitoring.detection import Detection
from operators.monitoring.layout import hashes
from operators.monitoring.state import Key, unpack
from operators.relations.carried import carried
from operators.relations.correlations import RelationColumns, pack
from operators.sketches import sketch
from schemas.profile import Share
from tests.operators.panes import MINUTE, RESTART, TENTHS, Driver, Records, detection
from tests.operators.signals import categorical_signal, numeric_signal

KEY = Key("churn", "3", "champion", "all")
PLANS = categorical_signal([600, 400])
FIFTHS = numeric_signal(np.arange(1, 5), np.full(5, 2_000), discrete=False)
PSI, ADWIN, PAGE_HINKLEY = (DetectorPlan(name=name) for name in ("psi", "adwin", "page_hinkley"))
LEPAGE = DetectorPlan(name="lepage")
RAW = DetectorPlan(name="adwin", input="raw")
KSWIN = DetectorPlan(name="river:KSWIN", options={"window_size": 30, "stat_size": 10})
MINUTES = 16
FEATURES = {"age": TENTHS, "plan": PLANS, "income": FIFTHS}


def of(*names: str, detectors: object = (PSI, LEPAGE, ADWIN, PAGE_HINKLEY), **more: object) -> Detection:
    return detection({name: FEATURES[name] for name in names}, detectors, **more)


def panes(names: tuple[str, ...], first: int, last: int, records: int = 600) -> list[Records]:
    """Minutes of records of some features: ages and incomes move up after the fifth."""
    found = []
    for minute in range(first, last + 1):
        rng = np.random.default_rng(minute)
        drawn = {
            "age": rng.integers(5 if minute > 5 else 0, 10, records),
            "plan": rng.integers(0, 2, records) * rng.integers(0, 2, records),
            "income": rng.integers(2 if minute > 5 else 0, 5, records),
        }
        drawn["plan"][: minute * 3] = MISSING
        found.append(Records(minute * MINUTE, np.column_stack([drawn[name] for name in names]).astype(np.uint8)))
    return found


def changed(before: Detection, after: Detection, names: tuple[str, ...], more: tuple[str, ...], at: int) -> Driver:
    """Records under one configuration, then under another."""
    driver = Driver(before, scores=True).run(panes(names, 1, at))
    driver.detection = after
    return driver.run([*panes(more, at + 1, MINUTES)])


def said(driver: Driver, signal: str) -> list[bytes]:
    """All changes of a signal, but for which profile it is compared with, and how many other signals there are."""
    found = [change for change in driver.changes if change.evidence.signal == signal]
    return [msgspec.json.encode(msgspec.structs.replace(one, profile_id="", of=0)) for one in found]


@pytest.mark.parametrize("at", [3, 6, 9])
@pytest.mark.parametrize("after", [("age", "plan", "income"), ("income", "plan", "age")])
def test_a_feature_more(at: int, after: tuple[str, ...]) -> None:
    """Others say to the byte what they say without it: thresholds as the user has set them, so they stay."""
    detectors = (msgspec.structs.replace(PSI, threshold=0.1), RAW, msgspec.structs.replace(RAW, name="page_hinkley"))
    plain = {"plan": (msgspec.structs.replace(PSI, threshold=0.1),)}
    both = {"age": detectors, "income": detectors} | plain
    alone = Driver(of("age", "plan", detectors=both)).run(raw(panes(("age", "plan"), 1, MINUTES), (0,)))
    driver = Driver(of("age", "plan", detectors=both)).run(raw(panes(("age", "plan"), 1, at), (0,)))
    driver.detection = of(*after, detectors=both)
    raws = tuple(column for column, name in enumerate(after) if name != "plan")
    driver.run(raw(panes(after, at + 1, MINUTES), raws))
    assert said(driver, "feature.age") == said(alone, "feature.age") != []
    assert [minute for minute, name, state, _ in driver.told if name == "income" and state == "opened"] != []
    assert not any(state == "recovered" for _, _, state, _ in driver.told)


def raw(found: list[Records], columns: tuple[int, ...]) -> list[Records]:
    """With the values of some columns as they are."""
    return [Records(one.end_ms, one.codes, raw=one.codes[:, list(columns)] + 0.5) for one in found]


def test_a_sequential_detector_more() -> None:
    """Windows and other detectors go on; the new one begins."""
    before, after = of("age", "plan", detectors=(PSI, ADWIN)), of("age", "plan", detectors=(PSI, ADWIN, PAGE_HINKLEY))
    driver = Driver(before).run(panes(("age", "plan"), 1, 4))
    was = unpack(KEY, driver.state)
    driver.detection = after
    driver.run(panes(("age", "plan"), 5, 5))
    now = unpack(KEY, driver.state)
    assert (now.first_ms, now.records) == (was.first_ms, was.records + 600)
    straight = Driver(before).run(panes(("age", "plan"), 1, 5))
    assert driver.ring == straight.ring
    rows = [after.tracks.tracks.index(track) for track in before.tracks.tracks]
    found = after.tracks.unpack(now.tracks)
    assert np.array_equal(found[0], before.tracks.unpack(unpack(KEY, straight.state).tracks)[0])
    assert len(rows) == len(after.tracks.adwin.tracks) < len(after.tracks.tracks)
    # And back again: what was there before both is the same.
    driver.detection = before
    driver.run(panes(("age", "plan"), 6, MINUTES))
    straight.run(panes(("age", "plan"), 6, MINUTES))
    assert (driver.changes, driver.ring) == (straight.changes, straight.ring)
    assert unpack(KEY, driver.state).tracks == unpack(KEY, straight.state).tracks


def test_detectors_of_river() -> None:
    """Their objects are taken over; one with other options is another one."""
    before = of("age", "plan", detectors={"age": (KSWIN,), "plan": (PSI,)})
    other = msgspec.structs.replace(KSWIN, options={"window_size": 40, "stat_size": 10})
    after = of("income", "age", detectors={"age": (KSWIN, other), "income": (KSWIN,)})
    driver = Driver(before).run(panes(("age", "plan"), 1, 2))
    was = unpack(KEY, driver.state)
    carrying = Carrying.between(was.layout, after.parts.layout)
    assert carrying is not None
    assert carrying.tracks == [None, 0, None]
    now = unpack(KEY, driver.state)
    carrying.state(now, after.tracks, "key")
    assert now.tracks[2:] == [river.pack(river.start(KSWIN, "key feature.income")), was.tracks[2], now.tracks[4]]


def test_a_signal_that_goes_is_over() -> None:
    """What was open of it is told to be over; the others stay open."""
    driver = changed(of("age", "income"), of("age"), ("age", "income"), ("age",), 9)
    gone = [(minute, why) for minute, name, state, why in driver.told if name == "income" and state == "recovered"]
    assert gone == [(10, "configuration")]
    assert [state for _, name, state, _ in driver.told if name == "age"][:1] == ["opened"]
    assert not any(name == "age" and state == "recovered" for _, name, state, _ in driver.told)


def test_other_bins_are_another_signal() -> None:
    """A reference of other data: all of it begins anew, as its codes mean something else."""
    other = numeric_signal(np.arange(1, 10), np.full(10, 1_001), discrete=False)
    driver = Driver(of("age")).run(panes(("age",), 1, 4))
    driver.detection = detection({"age": other}, (PSI,))
    driver.run(panes(("age",), 5, 5))
    assert unpack(KEY, driver.state).records == 600
    driver = Driver(of("age", "plan")).run(panes(("age", "plan"), 1, 4))
    driver.detection = detection({"age": other, "plan": PLANS}, (PSI,))
    driver.run(panes(("age", "plan"), 5, 5))
    assert unpack(KEY, driver.state).records == 5 * 600
    assert [slide.row(0, 2)[:250].sum() for slide in sketch.unpack(driver.ring).slides] == [0, 0, 600]


def test_quality_and_relations() -> None:
    """Shares and products of features that stay go on; those with a new feature begin as if nobody had carried it."""
    quality = QualityPlan(missing=True, invalid=True, unseen=False, range=True, duplicates=False, frozen=False)
    told = {"quality.missing.plan": Share(found=0, records=1_000)}
    more = {"quality": quality, "shares": told, "ranges": {"age": (0.0, 20.0)}}
    before, after = of("age", "plan", **more), of("income", "age", "plan", **more)
    driver = changed(before, after, ("age", "plan"), ("income", "age", "plan"), 6)
    straight = Driver(before).run(panes(("age", "plan"), 1, MINUTES))
    name = "quality.missing.plan"
    assert [one.onset_ms for one in driver.changes if one.evidence.signal == name] == [
        one.onset_ms for one in straight.changes if one.evidence.signal == name
    ]
    assert name in [one.evidence.signal for one in driver.changes]


@pytest.mark.parametrize("segment", ["all", "country=DE"])
@pytest.mark.parametrize("old", [False, True])
def test_what_is_counted_beside_codes(segment: str, old: bool) -> None:
    """Values out of ranges, and ids that came again, of the whole traffic alone, where they are looked up."""
    quality = QualityPlan(missing=False, invalid=False, unseen=False, range=True, frozen=False)
    told = {"quality.duplicates": Share(found=0, records=1_000)}
    more = {"quality": quality, "shares": told, "ranges": {"age": (0.0, 8.0), "income": (0.0, 3.0)}}
    before, after = of("age", "plan", **more), of("income", "age", "plan", **more)
    if not old:
        before = of("age", "plan", **more | {"quality": msgspec.structs.replace(quality, duplicates=False)})
    driver = Driver(before, segment)
    for one in panes(("age", "plan"), 1, 6):
        driver.run([counted(one, [int((one.codes[:, 0] > 8).sum())])])
    driver.detection = after
    for one in panes(("income", "age", "plan"), 7, MINUTES):
        driver.run([counted(one, [0, int((one.codes[:, 1] > 8).sum())])])
    assert len({len(slide.outside) for slide in sketch.unpack(driver.ring).slides}) == 1
    assert ("quality.range.age" in [one.evidence.signal for one in driver.changes]) == (len(driver.changes) > 0)


def counted(one: Records, outside: list[int]) -> Records:
    return Records(one.end_ms, one.codes, outside=outside)


def test_products_of_features() -> None:
    """Sums carried over and added to are those of records of which the first lack the new features."""
    codes = np.concatenate([one.codes for one in panes(("age", "plan", "income"), 1, 3)])
    later = np.concatenate([one.codes for one in panes(("income", "age", "plan"), 4, 6)])
    old = RelationColumns([TENTHS, PLANS, FIFTHS], [0, 1, 2], [1, 1, 1])
    new = RelationColumns([FIFTHS, TENTHS, PLANS, TENTHS], [0, 1, 2, 3], [1, 1, 1, 1])
    moved = carried(pack(old.fold(old.empty(), codes)), old.widths, [2, 0, 1, None], new.widths)
    absent = np.full((len(codes), 1), ABSENT, np.uint8)
    both = np.vstack([np.hstack([codes[:, [2, 0, 1]], absent]), np.hstack([later, later[:, 1:2]])])
    shown = np.ascontiguousarray(np.hstack([later, later[:, 1:2]]))
    assert new.folded(moved, shown) == pack(new.fold(new.empty(), np.ascontiguousarray(both)))
    assert carried(b"", [1], [0], [1]) == b""


@pytest.mark.parametrize("records", [100, 600])
def test_chunks_of_panes_that_were_open(records: int) -> None:
    """Coded under the configuration before, read under the one after: as if the new feature had not been carried."""
    before, after = of("age", "plan"), of("income", "age", "plan")
    (one,) = panes(("age", "plan"), 1, 1, records)
    carrying = Carrying(before.parts.layout, after.parts.layout)
    made = chunk(before, one)
    found = chunks.decode([carrying.chunk(made)], MINUTE)
    known = chunks.decode([made], MINUTE)
    assert np.array_equal(found.codes[:, 1:], known.codes)
    assert set(found.codes[:, 0].tolist()) == {ABSENT}
    assert np.array_equal(found.times_ms, known.times_ms)
    assert np.array_equal(found.sums[1], known.sums[0])
    assert chunks.meaning_of(carrying.chunk(made)) == after.signals.meaning
    assert (found.names, found.outside) == ({}, ())


def chunk(of_: Detection, records: Records) -> bytes:
    count = len(records.codes)
    rows = chunks.rows(np.arange(count), np.arange(count, dtype=np.uint64), records.codes, np.empty((count, 0)))
    values = np.ascontiguousarray(records.codes[:, list(of_.signals.numeric)])
    sums = of_.signals.moments.sums(values + 0.5, values, np.array([count]))[0]
    sizes = len(of_.signals.names), 0, len(sums), count
    return chunks.encode(records.end_ms, of_.signals.meaning, *sizes, sums.tobytes(), rows.tobytes())


def test_a_restart_afterwards_changes_nothing() -> None:
    """What was carried is state like any other."""
    names, more = ("age", "plan"), ("age", "plan", "income")
    plain = changed(of(*names), of(*more), names, more, 7)
    driver = Driver(of(*names), scores=True).run([*panes(names, 1, 7), RESTART])
    driver.detection = of(*more)
    for one in panes(more, 8, MINUTES):
        driver.run([one, RESTART])
    assert (driver.said, driver.state, driver.ring) == (plain.said, plain.state, plain.ring)


def test_parts_have_names() -> None:
    """Each hash of a layout is of one part, by the name under which people are told what becomes of it."""
    found = of("age", "plan", quality=QualityPlan(missing=True, invalid=False, unseen=False, range=False)).parts
    assert list(found.named) == [
        "feature.age",
        "feature.plan",
        "adwin on feature.age",
        "adwin:spread on feature.age",
        "page_hinkley on feature.age",
        "page_hinkley:spread on feature.age",
        "adwin on feature.plan",
        "page_hinkley on feature.plan",
        "quality.missing.age",
        "quality.missing.plan",
    ]
    layout = found.layout
    assert hashes(layout.signals + layout.tracks + layout.beside) == list(found.named.values())
