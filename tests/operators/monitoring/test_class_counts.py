"""Class counts: values of features by predicted class, as a plain loop counts them."""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np
import pytest

from config.plan import PredictionPlan
from operators.encoding.codes import INVALID, MISSING, OTHER, UNSEEN
from operators.monitoring.class_counts import class_misfit
from operators.monitoring.detection import Detection
from operators.profiles.references import ModelSignals
from tests.operators.panes import MINUTE, RESTART, TENTHS, Driver, Records, detection
from tests.operators.signals import categorical_signal, numeric_signal

PLANS = categorical_signal([600, 300, 100])
BINARY = PredictionPlan(task="binary", positive="a")
SCORES = numeric_signal(np.array([0.1, 0.3, 0.49, 0.7]), np.full(5, 2_000), discrete=False)


def predicting(prediction, features=None, by_class=(), sensitive=()) -> Detection:
    """Of a model with a prediction, whose features are counted by class."""
    found = detection(features or {"age": TENTHS, "plan": PLANS}, prediction=BINARY, sensitive=sensitive)
    model = msgspec.structs.replace(found.signals.model, by_class=by_class)
    signals = {**found.signals.profile.signals, "prediction": prediction}
    return Detection(ModelSignals(model, msgspec.structs.replace(found.signals.profile, signals=signals)))


def drawn(minute: int, records: int = 300):
    rng = np.random.default_rng(minute)
    ages, plans, said = rng.integers(0, 10, records), rng.integers(0, 3, records), rng.integers(0, 2, records)
    plans[:5] = UNSEEN
    ages[5:9] = MISSING
    said[9:12] = INVALID
    return Records(minute * MINUTE, np.column_stack([ages, plans, said]).astype(np.uint8))


def test_a_window_counts_each_class():
    """Of the records of its slides, whatever happens to the state between."""
    found = predicting(categorical_signal([700, 300]))
    panes = [drawn(minute) for minute in range(1, 8)]
    driver = Driver(found, scores=True).run([*panes[:4], RESTART, *panes[4:]])
    codes = np.concatenate([pane.codes for pane in panes[-3:]])
    counted = Counter(map(tuple, codes.tolist()))
    told = driver.summaries[-1].by_class
    assert list(told) == ["feature.age", "feature.plan"]
    assert told["feature.plan"].parts == tuple(name for name, _ in PLANS.categories)
    for position, signal in enumerate(told):
        part = found.by_class.parts[signal]
        for number, (_, counts) in enumerate(told[signal].counts.items()):
            for at, count in enumerate(counts):
                those = sum(many for row, many in counted.items() if row[2] == number and part.of[row[position]] == at)
                assert count == those


def test_what_does_not_ask_for_it_has_none():
    """Neither in its state nor in its summaries."""
    found = predicting(categorical_signal([700, 300]), by_class=msgspec.UNSET)
    driver = Driver(found, scores=True).run([drawn(1), drawn(2)])
    assert found.by_class is None
    assert driver.summaries[-1].by_class == {}
    assert b"by_class" not in msgspec.json.encode(driver.summaries[-1])


def test_probabilities_are_parted_at_the_border_next_to_the_threshold():
    """Which is told, as it is not the threshold itself."""
    counts = predicting(SCORES).by_class
    assert counts.classes == ("below 0.49", "from 0.49")
    rows = np.array([[0, 0, code] for code in (0, 1, 2, 3, 4, MISSING)], np.uint8)
    told = counts.told(counts.counted(rows))["feature.plan"].counts
    assert {name: sum(row) for name, row in told.items()} == {"below 0.49": 3, "from 0.49": 2}


def test_rare_classes_are_together():
    """Those beyond the ten most frequent, and those that the reference has not."""
    many = predicting(categorical_signal([100] * 12)).by_class
    rows = np.array([[0, 0, code] for code in (0, 10, 11, OTHER, UNSEEN)], np.uint8)
    told = many.told(many.counted(rows))["feature.plan"].counts
    assert (len(told), sum(told["(other)"])) == (11, 4)


def test_sensitive_numbers_are_not_counted():
    """Unless by mistake, which the configuration refuses; categories have the names of the profile."""
    found = predicting(PLANS, {"age": TENTHS, "plan": PLANS}, sensitive=("age",)).by_class
    assert list(found.parts) == ["feature.plan"]


def test_names_are_those_that_are_asked_for():
    """In their order; others are not counted."""
    assert list(predicting(PLANS, by_class=("plan",)).by_class.parts) == ["feature.plan"]


@pytest.mark.parametrize(
    ("names", "signals", "wrong"),
    [
        (("income",), ("prediction",), "has no feature income, which 'by_class' asks for"),
        ((), (), "has no prediction, which 'by_class' asks for"),
        ((), ("prediction",), None),
    ],
)
def test_a_profile_that_lacks_something(names, signals, wrong):
    """Is said before anything starts."""
    found = detection()
    profile = msgspec.structs.replace(
        found.signals.profile, signals={**found.signals.profile.signals, **dict.fromkeys(signals, PLANS)}
    )
    assert class_misfit(msgspec.structs.replace(found.signals.model, by_class=names), profile) == wrong


def test_counts_begin_anew_where_they_are_of_something_else():
    """A feature more: nothing of before is added to what is of other parts, and all else goes on."""
    before, after = predicting(PLANS, by_class=("plan",)), predicting(PLANS, by_class=("plan", "age"))
    driver = Driver(before, scores=True).run([drawn(1), drawn(2)])
    driver.detection = after
    driver.run([drawn(3)])
    told = driver.summaries[-1]
    assert told.window.count == 900
    assert sum(sum(row) for row in told.by_class["feature.plan"].counts.values()) < 300
