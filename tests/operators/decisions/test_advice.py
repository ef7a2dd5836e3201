"""Whether to update a model or to begin from scratch, by what has changed."""

from __future__ import annotations

import msgspec
import pytest

from operators.decisions.advice import advice
from operators.decisions.episodes import Episode
from schemas.events import CategoryChange, Histogram, Returned
from tests.operators.changes import change


def episode(*changes, version="3"):
    first = changes[0]
    return Episode(
        id="e",
        incident="i",
        version=version,
        segment="all",
        kind=first.kind,
        first_ms=0,
        last_ms=0,
        detected_ms=0,
        peak="warning",
        members={one.evidence.signal: one for one in changes},
    )


def drifted(current, reference=(0.25, 0.25, 0.25, 0.25), signal="feature.age", **more):
    found = change(20, signal, **more)
    told = Histogram(edges=(1.0, 2.0, 3.0), reference=reference, current=current)
    return msgspec.structs.replace(found, evidence=msgspec.structs.replace(found.evidence, histogram=told))


def fallen(signal="performance.accuracy"):
    return change(20, signal, kind="performance")


COVERED = "the reference covers the new values (80 % of those of feature.age, the least)"
SLIGHT, FAR = drifted((0.1, 0.2, 0.3, 0.4)), drifted((0.0, 0.0, 0.1, 0.9))


@pytest.mark.parametrize(
    ("episodes", "how", "why", "overlap"),
    [
        ([], "update", "inputs are as the reference has them", None),
        ([episode(SLIGHT)], "update", COVERED, 0.8),
        ([episode(FAR)], "scratch", "35 % of the values of feature.age lie where the reference has its own", 0.35),
        ([episode(fallen())], "scratch", "performance has fallen and inputs have not drifted", None),
        (
            [episode(fallen()), episode(SLIGHT)],
            "update",
            COVERED,
            0.8,
        ),
        (
            [episode(fallen(), fallen("performance.concept")), episode(SLIGHT)],
            "scratch",
            "labels depend on inputs otherwise than they did",
            0.8,
        ),
        (
            [episode(change(20, "correlation.age~income", kind="correlation"))],
            "update",
            "inputs have changed in their relations alone",
            None,
        ),
        ([episode(FAR, version="2")], "update", "inputs are as the reference has them", None),
    ],
)  # fmt: skip
def test_what_has_changed_decides(episodes, how, why, overlap):
    """Another relation of labels, or values that the reference has not, speak for beginning anew."""
    found = advice(episodes, "3")
    assert (found.how, found.why, found.overlap) == (how, why, overlap)


def test_inputs_that_are_as_an_older_version_knew_them():
    """It is said of another version only: the episode's own reference is what it has."""
    there = msgspec.structs.replace(episode(SLIGHT), returns=Returned(version="1", reference="r", episode="e0"))
    again = "inputs are like the reference of version 1 again, which may do as well or lend its data"
    assert advice([there], "3").why == f"{COVERED}; {again}"
    there.returns = Returned(version="3", reference="r", episode="e0")
    assert advice([there], "3").why == COVERED


def test_categories_and_signals_that_have_recovered():
    """Shares of categories overlap likewise, and what is over counts no more."""
    plan = change(20, "feature.plan")
    told = (
        CategoryChange(category="a", reference=0.9, current=0.2),
        CategoryChange(category="b", reference=0.1, current=0.8),
    )
    moved = msgspec.structs.replace(plan, evidence=msgspec.structs.replace(plan.evidence, categories=told))
    assert advice([episode(moved)], "3").overlap == 0.3
    over = msgspec.structs.replace(FAR, state="recovered")
    assert advice([episode(over, moved)], "3").overlap == 0.3
