"""Volume: what is told of a model that gets more or fewer records than it did."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest

from config.plan import AlarmsPlan, FeaturePlan, JobPlan, ModelPlan, QualityPlan, SeasonPlan, WindowPlan
from operators import policy
from operators.decisions.outputs import Progress
from operators.quality.volume import Traffic, step

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
SLIDE, SLIDES = 5 * MINUTE, 288
START = 1_767_571_200_000  # Monday, 5 January 2026
LEVEL = 1e-4
PLAN = ModelPlan(
    name="churn",
    window=WindowPlan(size_ms=HOUR, slide_ms=SLIDE, min_count=500, grow_to_ms=DAY),
    alarms=AlarmsPlan(
        budget=1, period_ms=30 * DAY, confirm=2, recover=3, min_effect="small", critical="large"
    ),
    features=(FeaturePlan(name="age", type="numeric"),),
    quality=QualityPlan(),
)  # fmt: skip


def came(slide: int, records: int, version: str = "1", **more) -> Progress:
    return Progress(
        time_ms=START + (slide + 1) * SLIDE, model="churn", version=version, records=records, level=LEVEL, **more
    )


def run(progress, plan=PLAN, known=None):
    """What is told, as slide, state, direction and records; the state goes through bytes at each step."""
    told = []
    for _, group in itertools.groupby(progress, key=lambda one: one.time_ms):
        known, changes = step(known, plan, list(group))
        known = msgspec.msgpack.decode(msgspec.msgpack.encode(known), type=Traffic)
        told += [
            ((c.time_ms - START) // SLIDE - 1, c.state, c.evidence.effect.direction, c.window.count) for c in changes
        ]
    return told, known


def steady(days: float, rate: float = 100.0, seed: int = 1) -> list[int]:
    return np.random.default_rng(seed).poisson(rate, round(days * SLIDES)).tolist()


def stream(records, first: int = 0, **more):
    return [came(first + slide, many, **more) for slide, many in enumerate(records) if many]


def test_as_many_as_ever():
    """A week of a steady stream: nothing is said."""
    assert run(stream(steady(7)))[0] == []


def test_the_change_of_a_fall():
    """Every field of it: what came, what is usual, below what there is an alarm, and since when."""
    known = None
    changes = []
    for one in stream([*steady(3), *steady(0.5, 20, seed=2)]):
        known, told = step(known, PLAN, [one])
        changes += told
    fall = changes[0]
    evidence = fall.evidence
    at = 3 * SLIDES + 2  # the second evaluation that agrees
    assert fall.time_ms == START + (at + 1) * SLIDE
    assert (fall.kind, fall.version, fall.segment, fall.of, fall.state, fall.severity) == (
        "quality", "all", "all", 1, "opened", "warning",
    )  # fmt: skip
    assert (fall.profile_id, fall.profile_kind) == ("", "previous")
    assert fall.previous is not None
    assert (fall.previous.start, fall.previous.end) == ("2026-01-05T01:00:00.000Z", "2026-01-07T23:15:00.000Z")
    assert fall.onset_ms == START + 3 * DAY
    assert (evidence.signal, evidence.detector) == ("volume", "rate")
    assert evidence.statistic == fall.window.count == evidence.current.records
    assert evidence.reference.records == pytest.approx(1_200, rel=0.02)
    assert evidence.statistic < evidence.threshold < 1_200
    assert evidence.p_value is not None
    assert evidence.p_value < LEVEL
    assert evidence.effect.direction == "down"


def test_a_fall_and_its_end():
    """It opens, becomes critical, and is over when as many come as before."""
    told, _ = run(stream([*steady(3), *steady(0.25, 20, seed=2), *steady(1, seed=3)]))
    assert [(state, way) for _, state, way, _ in told] == [
        ("opened", "down"), ("changed", "down"), ("recovered", "down"),
    ]  # fmt: skip
    opened, _, recovered = (slide for slide, *_ in told)
    assert opened - 3 * SLIDES < 12
    assert 12 <= recovered - 3.25 * SLIDES < 16


def test_a_rise():
    """Twice as many are told as well."""
    (first, *_), _ = run(stream([*steady(3), *steady(0.5, 200, seed=2)]))
    assert first[1:3] == ("opened", "up")


def test_a_new_level_becomes_usual():
    """The windows since then are part of what it is held against."""
    told, known = run(stream([*steady(2), *steady(6, 300, seed=2)]))
    assert [state for _, state, *_ in told][-1] == "recovered"
    assert known is not None
    assert known.told is None


def test_versions_that_take_over():
    """A roll-over in steps, and at once, of one stream from one version to another is no change."""
    records = steady(4)
    old = [many if slide < 2 * SLIDES else many // 2 if slide < 3 * SLIDES else 0 for slide, many in enumerate(records)]
    new = [many - other for many, other in zip(records, old, strict=True)]
    both = [*stream(old), *stream(new, version="2")]
    assert run(sorted(both, key=lambda one: (one.time_ms, one.version)))[0] == []


def test_shadows_do_not_count():
    """They get what the others get besides."""
    shadow = stream(steady(1, seed=2), 2 * SLIDES, version="2", role="shadow")
    assert run(sorted([*stream(steady(3)), *shadow], key=lambda one: one.time_ms))[0] == []


def test_the_first_hours():
    """Until 24 whole windows came before a window nothing is said, whatever comes; the first slide does not count."""
    calm = steady(1.05, 100)
    calm[-12:] = [1] * 12
    told, known = run(stream([7, *calm]))
    assert told == []
    assert known is not None
    assert known.windows[0][0] == START + 2 * HOUR
    assert len(known.windows) == 24


def test_a_stream_that_stood_still():
    """It is told when records come again, at once, and is over as windows are full again."""
    told, _ = run([*stream(steady(3)), *stream(steady(1, seed=2), 3 * SLIDES + 30)])
    assert [(slide - 3 * SLIDES - 30, state, way) for slide, state, way, _ in told] == [
        (0, "opened", "down"), (told[1][0] - 3 * SLIDES - 30, "recovered", "down"),
    ]  # fmt: skip
    assert 9 <= told[1][0] - 3 * SLIDES - 30 <= 15


def test_a_stream_that_comes_back_as_another():
    """After a week, and more than it had run, everything begins anew: what was open is over."""
    fall = stream([*steady(3), *([1] * 24)])
    told, known = run([*fall, came(20 * SLIDES, 5_000)])
    assert [(state, slide) for slide, state, *_ in told][-1] == ("recovered", 20 * SLIDES)
    assert known == Traffic(START + (20 * SLIDES + 1) * SLIDE, START + (20 * SLIDES + 1) * SLIDE)


def test_nights_without_a_season():
    """Without one a stream that sleeps at night is as variable as it is."""
    day = [100 if 84 <= slide < 228 else 0 for slide in range(SLIDES)]
    records = np.random.default_rng(1).poisson(day * 10).tolist()
    assert run(stream(records))[0] == []


def test_a_season_finds_what_is_missing_at_its_time():
    """As few as by night, in the middle of the day: told with the season, which knows better; not without it."""
    rate = [100 if 84 <= slide < 228 else 20 for slide in range(SLIDES)]
    records = np.random.default_rng(1).poisson(rate * 12)
    records[11 * SLIDES + 120 : 11 * SLIDES + 160] //= 4
    season = msgspec.structs.replace(PLAN, season=SeasonPlan(period_ms=DAY, bins=24))
    assert run(stream(records.tolist()))[0] == []
    told, _ = run(stream(records.tolist()), season)
    assert [(state, way) for _, state, way, _ in told if state != "changed"] == [
        ("opened", "down"), ("recovered", "down"),
    ]  # fmt: skip
    assert 0 < told[0][0] - 11 * SLIDES - 120 < 8


def test_spans_that_the_season_ignores():
    """Windows that touch one are neither judged nor remembered."""
    ignore = ((START + 3 * DAY, START + 4 * DAY),)
    season = msgspec.structs.replace(PLAN, season=SeasonPlan(period_ms=DAY, bins=24, ignore=ignore))
    told, known = run([*stream(steady(3)), *stream(steady(2, seed=2), 4 * SLIDES)], season)
    assert told == []
    assert known is not None
    ends = [(end_ms - START) // HOUR for end_ms, _ in known.windows]
    assert ends == [*range(2, 73), *range(97, 145)]


def test_nothing_is_judged_without_a_level():
    """While all versions learn their reference, records are counted and no more."""
    unknown = [msgspec.structs.replace(one, level=0.0) for one in stream([*steady(3), *([1] * 40)])]
    assert run(unknown)[0] == []


def test_the_effect_has_to_be_large_enough():
    """One in twenty fewer of a million an hour is certain, and not worth a word."""
    records = [*steady(3, 1e5), *steady(1, 0.95e5, seed=2)]
    assert run(stream(records))[0] == []
    sharp = msgspec.structs.replace(PLAN, alarms=msgspec.structs.replace(PLAN.alarms, min_effect="negligible"))
    assert run(stream(records), sharp)[0] != []


def test_it_is_no_longer_watched():
    """What was open is over, by configuration, when the model has records again."""
    off = msgspec.structs.replace(PLAN, quality=QualityPlan(volume=False))
    _, known = run(stream([*steady(3), *([1] * 24)]))
    assert step(known, off, []) == (known, [])
    nothing, (change,) = step(known, off, [came(4 * SLIDES, 5)])
    assert (nothing, change.state, change.why) == (None, "recovered", "configuration")
    assert step(None, off, [came(4 * SLIDES, 5)]) == (None, [])


@pytest.mark.parametrize("often", [1, 7, 1_000])
def test_events_do_not_depend_on_how_often_the_policy_looks(often):
    """Of a fall, an outage and its end: the whole messages, at any pace of the watermark."""
    progress = stream([*steady(3), *([5] * 24), *([0] * 30), *steady(1, seed=2)])
    expected = _events(progress, 1_000_000)
    assert _events(progress, often) == expected
    assert expected[0].startswith("volume fell: ")
    assert " records, usually 1,199 (alarm below 1,0" in expected[0]
    assert expected[-1] == "volume is like the time before it after 5 h 35 min"


def _events(progress, often):
    state, messages = b"", []
    job = JobPlan(name="job")
    for part in _parts(progress, often):
        state = policy.add(state, part)
        state, events = policy.advance(PLAN, job, "", state, part[-1].time_ms)
        messages += [event.data.message for event in events]
    return messages


def _parts(items, many):
    return [items[at : at + many] for at in range(0, len(items), many)]
