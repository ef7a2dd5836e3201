"""What a window is compared with in a season: the slices of its parts, with some of the whole."""

import msgspec
import numpy as np
import pytest

from config.plan import SegmentPlan
from operators.monitoring.detection import PARTS, Detection
from operators.monitoring.window_tests import evaluate_counts
from operators.profiles.profile_checks import damage
from operators.profiles.references import ModelSignals
from operators.profiles.season_references import KEPT, SeasonReferences
from operators.sketches.sketch import Slide
from schemas.profile import decode, encode
from tests.operators.seasons import DAY, HOUR, MONDAY_MS, model, profile, times, values

WHEN = times(10, 300)
COLUMNS = values(WHEN)
MADE = profile(model(), WHEN, COLUMNS)
SIGNALS = ModelSignals(model(), MADE)
AGE, PLAN = 0, 1


@pytest.fixture(scope="module")
def detection():
    return Detection(SIGNALS)


def slide(hour, minutes=5, records=100):
    """A slide that ends so many minutes after an hour has begun."""
    return Slide(MONDAY_MS + 30 * DAY + hour * HOUR + minutes * 60_000, records)


def test_a_part_has_its_own_values(detection):
    """At six in the morning ages are highest; of a strong season hardly anything is taken from the whole."""
    season = detection.season
    codes = SIGNALS.numeric_coder.codes(COLUMNS["age"][:, None].copy()).ravel()
    inside = np.bincount(codes[(WHEN % DAY) // HOUR == 6], minlength=256)
    found = season.counts({6: 1.0}, detection.tables.counts)[AGE]
    assert season.precision[AGE] < 50
    assert found.sum() == pytest.approx(3_000 + season.precision[AGE])
    assert np.abs(found / found.sum() - inside / inside.sum()).sum() < 0.02


def test_a_signal_without_season_is_compared_with_the_whole():
    """Thin slices of it would say less."""
    made = profile(model(), WHEN, values(WHEN, cycle=0.0))
    of = Detection(ModelSignals(model(), made))
    found = of.season.counts({6: 1.0}, of.tables.counts)
    assert (found.sum(axis=1) > 3 * 3_000).all()
    assert np.abs(found / found.sum(axis=1)[:, None] - of.tables.counts / 72_000).sum(axis=1).max() < 0.05


def test_a_mixture_is_weighted_by_records(detection):
    """Known as from 1 / sum(w^2 / (m + k)) values."""
    season, whole = detection.season, detection.tables.counts
    one, other = (season.counts({part: 1.0}, whole)[AGE] for part in (6, 18))
    both = season.counts({6: 0.25, 18: 0.75}, whole)[AGE]
    known = 1 / (0.25**2 / one.sum() + 0.75**2 / other.sum())
    assert both.sum() == pytest.approx(known)
    assert both / both.sum() == pytest.approx(0.25 * one / one.sum() + 0.75 * other / other.sum())
    everything = season.counts(dict.fromkeys(range(24), 1 / 24), whole)
    assert everything.sum(axis=1) == pytest.approx([72_000, 72_000], rel=0.02)
    assert (everything.sum(axis=1) <= 72_000.001).all()


def test_what_is_known_of_an_hour_tells_of_all(detection):
    """Counts of some times, without what these times make of them, are those of the whole."""
    season, whole = detection.season, detection.tables.counts
    found = season.without({6: 0.25, 18: 0.75}, season.counts({6: 0.25, 18: 0.75}, whole))
    there = whole[AGE] > 0
    assert found[AGE, there] / found[AGE].sum() == pytest.approx(whole[AGE, there] / whole[AGE].sum())


def test_a_window_over_several_parts(detection):
    """Each slide with the part that it is in, one on the border with both."""
    assert detection.shares([slide(6, 5, 300), slide(6, 10, 100), slide(7, 2, 100)]) == pytest.approx(
        {6: 0.8 + 0.2 * 3 / 5, 7: 0.2 * 2 / 5}, abs=0.01
    )
    found = detection.over([slide(6), slide(7)])
    assert found.tables.counts == pytest.approx(detection.season.counts({6: 0.5, 7: 0.5}, detection.tables.counts))
    assert detection.over([]) is detection


def test_a_slide_of_many_hours(detection):
    """One of several that were merged has as many records of each part as the reference has."""
    merged = msgspec.structs.replace(slide(12, 0), span_ms=6 * HOUR)
    assert detection.shares([merged]) == pytest.approx(dict.fromkeys(range(6, 12), 1 / 6))
    quiet = WHEN[((WHEN % DAY) // HOUR != 6) | (np.arange(len(WHEN)) % 3 == 0)]
    rare = Detection(ModelSignals(model(), profile(model(), quiet, values(quiet))))
    assert rare.shares([merged])[6] == pytest.approx(1 / 16, abs=0.001)


def test_values_of_an_hour_are_no_change_in_theirs_and_one_in_another(detection):
    """By every test of a window."""
    when = times(1, 1_200, MONDAY_MS + 40 * DAY)
    columns = values(when, seed=9)
    at_six = when % DAY // HOUR == 6
    codes = SIGNALS.numeric_coder.codes(columns["age"][at_six][:, None].copy()).ravel()
    names = SIGNALS.category_coders[0].codes(list(columns["plan"][at_six]))
    counts = np.array([np.bincount(codes, minlength=256), np.bincount(names, minlength=256)])

    def least(tests):
        return np.minimum(np.minimum(tests.g.p_value, tests.lepage.p_value), tests.ks.p_value)

    in_hours = evaluate_counts(detection.over([slide(6, 30), slide(6, 60)]).tables, counts)
    assert (least(in_hours) > 1e-3).all()
    assert (least(evaluate_counts(detection.over([slide(12, 30), slide(12, 60)]).tables, counts)) < 1e-9).all()
    assert (least(evaluate_counts(detection.tables, counts)) < 1e-9).all()


def test_ranks_of_an_hour(detection):
    """The same value is high at night and low in the morning; means are those of the part."""
    code = int(SIGNALS.numeric_coder.codes(np.array([[0.0]]))[0, 0])
    ranks = {}
    for hour in (6, 18):
        tracks = detection.during(MONDAY_MS + hour * HOUR)
        ranks[hour] = tracks.adwin.ranks[AGE, code]
        assert tracks.page_hinkley.mean[0] == pytest.approx(0.5, abs=1e-9)
    assert ranks[6] < 0.1
    assert ranks[18] > 0.9
    assert detection.tracks.adwin.ranks[AGE, code] == pytest.approx(0.5, abs=0.05)


def test_what_is_kept_is_bounded(detection):
    """However many parts are asked for."""
    for hour in range(24):
        detection.during(MONDAY_MS + hour * HOUR)
        detection.season.counts({hour: 1.0}, detection.tables.counts)
    assert len(detection._parts) == PARTS
    assert detection.season._counts.cache_info().maxsize == KEPT


def test_thresholds_hold_in_all_parts():
    """One in fifty at night and one in two by day: sums that began at night go on by day."""
    when = times(10, 300)
    rng = np.random.default_rng(4)
    share = np.where(when % DAY < DAY // 2, 0.02, 0.5)
    columns = {"age": (rng.random(len(when)) < share).astype(float), "plan": np.full(len(when), "a")}
    seasonal = Detection(ModelSignals(model(), profile(model(), when, columns)))
    plain = Detection(ModelSignals(model(None), profile(model(None), when, columns)))
    rate = 300 / HOUR
    assert seasonal.thresholds("all", rate).up[0] > 1.5 * plain.thresholds("all", rate).up[0]


def test_thresholds_do_not_depend_on_who_comes_first():
    """Of a segment or of the whole."""
    rng = np.random.default_rng(3)
    columns = values(WHEN) | {"country": rng.choice(["DE", "FR"], len(WHEN), p=[0.2, 0.8])}
    columns["age"] = (rng.random(len(WHEN)) < 0.02 + 0.2 * (columns["country"] == "DE")).astype(float)
    plan = model(segments=(SegmentPlan(fields=("country",)),))
    made = profile(plan, WHEN, columns)
    found = []
    for order in (["all", "country=DE"], ["country=DE", "all"]):
        of = Detection(ModelSignals(plan, made))
        at = {segment: of.of(segment).thresholds(segment, 0.01) for segment in order}
        found.append([at[segment].up.tolist() + at[segment].down.tolist() for segment in sorted(at)])
    assert found[0] == found[1]


def test_a_segment_has_the_season_of_the_whole():
    """Its own values, moved as the whole's are at these times, and known no better than either."""
    rng = np.random.default_rng(2)
    columns = values(WHEN)
    country = rng.choice(["DE", "FR"], len(WHEN), p=[0.2, 0.8])
    columns["age"] = columns["age"] + 1.0 * (country == "DE")
    plan = model(segments=(SegmentPlan(fields=("country",)),))
    made = profile(plan, WHEN, {**columns, "country": country})
    of = Detection(ModelSignals(plan, made)).of("country=DE")
    means = np.array(made.signals["feature.age"].means)

    def mean(hour):
        counts = of.season.counts({hour: 1.0}, of.tables.counts)[AGE, : len(means)]
        return counts @ means / counts.sum(), counts.sum()

    assert mean(6)[0] > mean(0)[0] + 1 > mean(18)[0] + 2
    assert mean(6)[1] < min(3_000, of.tables.totals[AGE])
    assert of.during(MONDAY_MS + 6 * HOUR).adwin.ranks[AGE, 0] < 0.01


def test_a_part_without_records():
    """Is compared with the whole as far as that tells anything; nothing fails where it does not."""
    day = WHEN[(WHEN % DAY) // HOUR != 3]
    made = profile(model(), day, values(day))
    assert made.season.slices[3] is None
    of = Detection(ModelSignals(model(), made))
    found = of.season.counts({3: 1.0}, of.tables.counts)
    assert found.sum(axis=1) == pytest.approx(np.minimum(of.season.precision, of.tables.totals))
    none = profile(model(), day, {"age": np.full(len(day), np.nan), "plan": values(day)["plan"]})
    empty = Detection(ModelSignals(model(), none))
    assert empty.season.counts({5: 1.0}, empty.tables.counts)[AGE].sum() == 0
    tests = evaluate_counts(empty.over([slide(5)]).tables, np.zeros((2, 256), np.int64))
    assert np.isfinite(tests.lepage.p_value).all()


def test_a_profile_with_season_is_read_again():
    """To the bit, and is sound."""
    assert decode(encode(MADE)) == MADE
    assert damage(MADE) is None


def test_a_damaged_part_is_noticed():
    """With its number."""
    part = msgspec.structs.replace(MADE.season.slices[7], records=3)
    slices = (*MADE.season.slices[:7], part, *MADE.season.slices[8:])
    broken = msgspec.structs.replace(MADE, season=msgspec.structs.replace(MADE.season, slices=slices))
    assert damage(broken) == "part 7 of the season: its counts do not add up"


def test_without_season_in_the_configuration_the_profile_is_as_before():
    """The season of a profile is let be, and its dependence is that of values at all times."""
    of = Detection(ModelSignals(model(None), MADE))
    assert of.season is None
    assert of.over([slide(6)]) is of
    assert of.during(MONDAY_MS) is of.tracks
    assert of.signals.signals == tuple(MADE.signals.values())
    assert of.id != Detection(SIGNALS).id
    assert isinstance(Detection(SIGNALS).season, SeasonReferences)
