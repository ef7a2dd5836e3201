"""Messages for people: whole texts."""

from __future__ import annotations

import msgspec
import pytest

from operators.decisions import messages
from schemas.events import Effect, Example, Moments
from tests.operators.changes import change


def evidence(signal="feature.age", detector="psi", direction="up", statistic=0.41, threshold=0.03):
    return msgspec.structs.replace(
        change(5, signal).evidence,
        detector=detector,
        statistic=statistic,
        threshold=threshold,
        effect=Effect(size=0.4, level="large", direction=direction),
    )


@pytest.mark.parametrize(
    ("detector", "direction", "text"),
    [
        ("psi", "up", "feature.age moved up in country=DE: PSI 0.41 (alarm at 0.03)"),
        ("lepage", "spread", "feature.age spread out in country=DE: Lepage 0.41 (alarm at 0.03)"),
        ("ks", "down", "feature.age moved down in country=DE: KS 0.41 (alarm at 0.03)"),
        ("chi_squared", "mix", "feature.age changed its mix in country=DE: chi-squared 0.41 (alarm at 0.03)"),
        ("adwin", "narrow", "feature.age narrowed in country=DE: ADWIN 0.41 (alarm at 0.03)"),
        (
            "page_hinkley:spread",
            "spread",
            "feature.age spread out in country=DE: Page-Hinkley of the spread 0.41 (alarm at 0.03)",
        ),
        ("river:KSWIN", "up", "feature.age moved up in country=DE: river:KSWIN alarmed"),
    ],
)
def test_opened_says_what_moved_where_and_by_how_much(detector, direction, text):
    """The strongest signal, its direction, its segment, the statistic and the threshold."""
    assert messages.opened([evidence(detector=detector, direction=direction)], "country=DE") == text


@pytest.mark.parametrize(
    ("direction", "then", "now", "text"),
    [
        ("up", 0.01, 0.12, "rose in country=DE: 12 % of records, in the reference 1 % (alarm above 4 %)"),
        ("down", 0.2, 0.0, "fell in country=DE: 0 % of records, in the reference 20 % (alarm below 17 %)"),
    ],
)
def test_shares_are_told_in_percent(direction, then, now, text):
    """What it was, what it is, and from where on there is an alarm."""
    found = evidence("quality.missing.age", "share", direction)
    found = msgspec.structs.replace(found, reference=Moments(missing=then), current=Moments(missing=now))
    assert messages.opened([found], "country=DE") == f"quality.missing.age {text}"


PLACE = Example(topic="predictions", partition=2, offset=48_112)


@pytest.mark.parametrize(
    ("signal", "statistic", "bound", "current", "place", "text"),
    [
        ("expect.age.max", 12.0, 0.0, {}, PLACE, "12 records, as predictions[2]@48112"),
        ("expect.age.max", 1.0, 0.0, {}, Example(path="a.csv", row=7), "1 record, as row 7 of a.csv"),
        (
            "expect.age.missing",
            0.03,
            0.01,
            {"missing": 0.03},
            PLACE,
            "3 % of records (less than 1 %), as predictions[2]@48112",
        ),
    ],
)
def test_expectations_name_an_example(signal, statistic, bound, current, place, text):
    """How many records do not keep to it, and where one stands; what is in it, nobody is told."""
    found = evidence(signal, "expectation", "up", statistic, bound)
    found = msgspec.structs.replace(found, reference=Moments(), current=Moments(**current), examples=(place,))
    assert messages.opened([found], "all") == f"{signal} is not kept: {text}"
    assert messages.resolved([found], "all", 60_000) == f"{signal} is kept again after 1 min"


def test_the_whole_traffic_is_not_named():
    """The segment `all` goes without saying, and so do digits after the third."""
    text = messages.opened([evidence(statistic=0.123456, threshold=12345.678)], "all")
    assert text == "feature.age moved up: PSI 0.123 (alarm at 1.23e+04)"


def test_other_signals_are_listed():
    """Three by name, the rest as a number."""
    signals = [evidence(), *(evidence(f"feature.{name}") for name in "abcde")]
    assert messages.opened(signals, "all") == (
        "feature.age moved up: PSI 0.41 (alarm at 0.03); also feature.a, feature.b, feature.c and 2 more"
    )


def test_updated_says_that_it_goes_on():
    """An update tells the present state, in the words of the opening."""
    text = messages.updated([evidence(), evidence("feature.b")], "all")
    assert text == "still drifting: feature.age moved up: PSI 0.41 (alarm at 0.03); also feature.b"


@pytest.mark.parametrize(
    ("signals", "text"),
    [
        (["feature.age"], "feature.age is back to its reference in country=DE after 2 h 5 min"),
        (["feature.age", "a"], "feature.age and a are back to their reference in country=DE after 2 h 5 min"),
    ],
)
def test_resolved_says_what_is_back_and_after_how_long(signals, text):
    """The time is that from the onset."""
    assert messages.resolved([evidence(name) for name in signals], "country=DE", 7_500_000) == text


def test_resolved_against_the_time_before():
    """Nothing is back: it has been so for a while."""
    one, two = evidence(), evidence("a")
    assert messages.resolved([one], "all", 7_500_000, moving=True) == (
        "feature.age is like the time before it after 2 h 5 min"
    )
    assert messages.resolved([one, two], "all", 7_500_000, moving=True) == (
        "feature.age and a are like the time before them after 2 h 5 min"
    )


@pytest.mark.parametrize(
    ("span_ms", "text"),
    [(999, "0 s"), (1_000, "1 s"), (3_600_000, "1 h"), (3_601_000, "1 h"), (90_000, "1 min 30 s"), (864e5, "1 d")],
)
def test_durations_have_two_units_at_most(span_ms, text):
    """A unit that is zero ends the text."""
    assert messages.duration(int(span_ms)) == text
