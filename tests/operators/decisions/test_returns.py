"""A change that leads back to an older reference is told from one that leads elsewhere."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from operators.decisions.recurrence import remembered
from operators.decisions.returns import returning
from schemas.events import CategoryChange, Effect, Histogram, Moments, Returned
from tests.operators.changes import change
from tests.operators.decisions.test_advice import episode
from tests.operators.test_policy import progress, told

AGE = ["feature.age"]
COUNT = 2_000


def numbers(reference, now, *, seed=1, profile="sha256:2", **more):
    """A signal of normal values, (mean, sd), on tenths of its reference as a profile has them."""
    rng = np.random.default_rng(seed)
    known = rng.normal(*reference, 20_000)
    parts = [rng.normal(mean, sd, round(COUNT * part)) for part, mean, sd in now]
    values = np.concatenate(parts)
    edges = np.quantile(known, np.arange(1, 10) / 10)

    def shares(drawn):
        return tuple((np.bincount(np.searchsorted(edges, drawn), minlength=10) / len(drawn)).tolist())

    found = change(more.pop("minute", 20), more.pop("signal", "feature.age"), profile_id=profile, **more)
    evidence = msgspec.structs.replace(
        found.evidence,
        effect=Effect(size=0.41, level="large", direction="up" if values.mean() > known.mean() else "down"),
        histogram=Histogram(edges=tuple(edges.tolist()), reference=shares(known), current=shares(values)),
        reference=Moments(mean=float(known.mean()), sd=float(known.std())),
        current=Moments(mean=float(values.mean()), sd=float(values.std())),
    )
    window = msgspec.structs.replace(found.window, count=len(values))
    return msgspec.structs.replace(found, evidence=evidence, window=window)


def before(*changes, version="1", why="new_version"):
    """What is known of an episode of an older version."""
    over = msgspec.structs.replace(episode(*changes), version=version)
    return remembered([], over, 1_000, why, [one.evidence.signal for one in changes])


FIRST = numbers((0, 1), [(1.0, 2, 1)], profile="sha256:1")


@pytest.mark.parametrize("far", [2, 6])
@pytest.mark.parametrize("part", [0.3, 0.6, 1.0])
def test_a_way_back_is_known_however_much_of_it_is_gone(far, part):
    """A window in the middle is a mixture of both; the old values may all lie below those of the new profile."""
    known = before(numbers((0, 1), [(1.0, far, 1)], profile="sha256:1"))
    for seed in range(20):
        back = numbers((far, 1), [(1 - part, far, 1), (part, 0, 1)], seed=seed)
        found = returning(known, episode(back), AGE)
        assert found == Returned(version="1", reference="sha256:1", episode="e")


@pytest.mark.parametrize(
    "now",
    [
        [(1.0, 4, 1)],  # further away
        [(1.0, 1, 1)],  # half of the way
        [(0.4, 2, 1), (0.6, -1, 1)],  # beyond
        [(1.0, 2, 2)],  # wider
        [(0.95, 2, 1), (0.05, 0, 1)],  # too little to say
    ],
    ids=["away", "between", "beyond", "wider", "few"],
)
def test_what_leads_elsewhere(now):
    """Or not far enough."""
    assert [returning(before(FIRST), episode(numbers((2, 1), now, seed=seed)), AGE) for seed in range(10)] == [
        None
    ] * 10


def test_it_has_to_be_another_reference_of_the_same_signal_segment_and_kind():
    """The strongest signal has to be known; what an older release has kept says nothing."""
    there = episode(numbers((2, 1), [(1.0, 0, 1)]))
    assert returning(before(FIRST), there, AGE) is not None
    assert returning(before(FIRST), msgspec.structs.replace(there, segment="country=DE"), AGE) is None
    same = episode(numbers((2, 1), [(1.0, 0, 1)], profile="sha256:1"))
    assert returning(before(FIRST), same, AGE) is None
    other = episode(numbers((2, 1), [(1.0, 0, 1)], signal="feature.income"))
    assert returning(before(FIRST), other, ["feature.income"]) is None
    (old,) = before(FIRST)
    old.profile = ""
    assert returning([old], there, AGE) is None


def test_categories():
    """By those that both tell of."""

    def plans(then, now, profile):
        found = change(20, "feature.plan", profile_id=profile)
        told = tuple(
            CategoryChange(category=name, reference=one, current=other)
            for name, one, other in zip("abcd", then, now, strict=False)
        )
        evidence = msgspec.structs.replace(found.evidence, categories=told)
        return msgspec.structs.replace(found, evidence=evidence)

    old, new = [0.6, 0.2, 0.1, 0.1], [0.2, 0.2, 0.5, 0.1]
    known = before(plans(old, new, "sha256:1"))
    assert returning(known, episode(plans(new, old, "sha256:2")), ["feature.plan"]) is not None
    assert returning(known, episode(plans(new, [0.4, 0.2, 0.3, 0.1], "sha256:2")), ["feature.plan"]) is not None
    assert returning(known, episode(plans(new, [0.2, 0.6, 0.1, 0.1], "sha256:2")), ["feature.plan"]) is None


def test_the_event_says_so():
    """Once in its message, as soon as it is clear, and in all events of the episode from then on."""
    outputs = [
        msgspec.structs.replace(progress(10), version="1"),
        msgspec.structs.replace(FIRST, version="1"),
        msgspec.structs.replace(progress(40), version="2"),
        numbers((2, 1), [(0.95, 2, 1), (0.05, 0, 1)], minute=60, version="2"),
        numbers((2, 1), [(0.3, 2, 1), (0.7, 0, 1)], minute=70, version="2", state="changed"),
        numbers((2, 1), [(0.3, 2, 1), (0.7, 0, 1)], minute=80, version="2", state="recovered"),
    ]
    first, over, opened, updated, resolved = told(outputs)
    assert (over.data.why, first.data.returns, over.data.returns, opened.data.returns) == ("new_version", *[None] * 3)
    assert updated.data.returns == Returned(version="1", reference="sha256:1", episode=first.data.episode)
    assert updated.data.message.endswith("; like the reference of version 1")
    assert resolved.data.returns == updated.data.returns
    assert "like the reference" not in resolved.data.message
